/** Whether a Node can load the module, and whether it can run the official client. */
import { Failure, oneLine } from "./failure.ts";
import { outputOf } from "./launch.ts";

/** The first with `module.registerHooks`. */
export const OLDEST_NODE = "22.15.0";

/** The `engines` of `@openclaw/gateway-client`. */
export const OLDEST_CLIENT_NODE = "22.19.0";

/** Orders versions number by number, `2026.10.1` after `2026.9.6`; a leading `v` and what follows a `-` do not count. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.replace(/^v/, "").split("-")[0]!.split(".").map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (left![index] ?? 0) - (right![index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a Node, `24.21.0` or `v24.21.0`, cannot load the module. */
export function isOldNode(version: string): boolean {
  // 23.0 to 23.4 lack the function too.
  return compareVersions(version, /^v?23\./.test(version) ? "23.5.0" : OLDEST_NODE) < 0;
}

/**
 * The version of the Node at a path.
 *
 * @throws {Failure} if it is none
 */
export function nodeVersion(path: string): string {
  if (path === process.execPath) return process.versions.node;
  try {
    const text = outputOf(path, ["--version"]);
    if (/^v\d+\.\d+\.\d+/.test(text)) return text.slice(1);
    throw new Error(`it answers "${oneLine(text, 60)}" to --version`);
  } catch (cause) {
    throw new Failure(`${path} is no Node: ${oneLine((cause as Error).message, 200)}`, { cause });
  }
}
