/** The version of this package. */
import { readFileSync } from "node:fs";

let known: string | undefined;

/** E.g. `0.1.0`; `unknown` if the package's manifest cannot be read. */
export function ownVersion(): string {
  if (known !== undefined) return known;
  try {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      version?: unknown;
    };
    known = String(manifest.version);
  } catch {
    known = "unknown";
  }
  return known;
}
