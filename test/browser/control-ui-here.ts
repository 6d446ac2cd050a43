/** Whether a release's Control UI can be tested on this machine. */
import { noBrowser } from "../support/gateway/browser.ts";
import { capabilities } from "../support/gateway/capabilities.ts";

/** Why it cannot, or undefined if it can. */
export function noControlUi(version: string): string | undefined {
  if (!capabilities({ version }).hasDrivableControlUi)
    return `SKIPPED: the Control UI of ${version} proves its device in a way that is not driven here`;
  return noBrowser();
}
