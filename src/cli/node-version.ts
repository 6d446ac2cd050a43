/** Whether a Node can load the module, and whether it can run the official client. */
import { Failure, oneLine } from "./failure.ts";
import { outputOf } from "./launch.ts";
import { inRange } from "./versions.ts";
import { MESSAGES } from "./messages.ts";

/** The first with `module.registerHooks`. */
export const OLDEST_NODE = "22.15.0";

/** The `engines` of `@openclaw/gateway-client`. */
export const OLDEST_CLIENT_NODE = "22.19.0";

/** 23.0 to 23.4 lack the function too. */
const NODES_WITH_IT = `>=${OLDEST_NODE} <23 || >=23.5`;

/** Whether a Node, `24.21.0` or `v24.21.0`, cannot load the module. */
export function isOldNode(version: string): boolean {
  return !inRange(version, NODES_WITH_IT);
}

/**
 * The version of the Node at a path.
 *
 * @throws {Failure} if it is not a Node.js executable
 */
export function nodeVersion(path: string): string {
  // Bun reports the version of the Node that it imitates.
  if (path === process.execPath && process.versions["bun"] === undefined) return process.versions.node;
  try {
    const text = outputOf(path, ["--version"]);
    if (/^v\d+\.\d+\.\d+/.test(text)) return text.slice(1);
    throw new Error(MESSAGES.oddVersion(oneLine(text, 60)));
  } catch (cause) {
    throw new Failure(MESSAGES.notNode(path, oneLine((cause as Error).message, 200)), { cause });
  }
}
