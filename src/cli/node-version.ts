/** Whether a Node can load the module. */
import { Failure, oneLine } from "./failure.ts";
import { outputOf } from "./launch.ts";

/** The first with `module.registerHooks`. */
export const OLDEST_NODE = "22.15.0";

/** `24.21.0` of `24.21.0` or `v24.21.0`: compares as numbers, part by part. */
export function isOldNode(version: string): boolean {
  const parts = version.replace(/^v/, "").split(".").map(Number);
  const oldest = OLDEST_NODE.split(".").map(Number);
  // 23.0 to 23.4 lack it too.
  if (parts[0] === 23) return parts[1]! < 5;
  for (let index = 0; index < 3; index += 1) {
    const difference = (parts[index] ?? 0) - oldest[index]!;
    if (difference !== 0) return difference < 0;
  }
  return false;
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
