/** Whether a release's Control UI can be tested on this machine. */
import { noBrowser } from "../support/gateway/browser.ts";
import { compareVersions } from "../support/gateway/release.ts";

/** Why it cannot, or undefined if it can. */
export function noControlUi(version: string): string | undefined {
  if (compareVersions(version, "2026.5.0") < 0)
    return `SKIPPED: the Control UI of ${version} proves its device in a way that is not driven here`;
  return noBrowser();
}
