/**
 * CommonJS modules on a Node whose load hooks cannot leave them to Node's own CommonJS loader.
 *
 * If a module imports a CommonJS one, the default step of the load hooks returns no source, and Node's CommonJS
 * loader then runs the file. `module.registerHooks` did not allow that until
 * https://github.com/nodejs/node/pull/59929. Together with a loader of `module.register` it threw
 * `ERR_INVALID_RETURN_PROPERTY_VALUE`. Without one it returned the source itself, so that Node ran the module by a
 * loader without `require.cache` and `require.extensions`, which ignores wrappers of `Module.prototype.require`.
 */
import { readFileSync } from "node:fs";
import type { LoadFnOutput, LoadHookContext } from "node:module";
import { fileURLToPath } from "node:url";

type NextLoad = (url: string, context?: Partial<LoadHookContext>) => LoadFnOutput;

/** The first correct version of each major; all majors from {@link LAST_MAJOR} on are correct. */
const RIGHT_SINCE: Readonly<Record<number, readonly [minor: number, patch: number]>> = {
  22: [22, 3],
  24: [11, 1],
  25: [1, 0],
};
const LAST_MAJOR = 26;

/** @param version of Node, e.g. `24.5.0` */
export function losesCommonJs(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  if (major >= LAST_MAJOR) return false;
  const first = RIGHT_SINCE[major];
  return first === undefined || minor < first[0] || (minor === first[0] && patch < first[1]);
}

/** The next step of the load hooks; on a faulty Node, CommonJS modules load as they do without any hook. */
export const loadNext = losesCommonJs(process.versions.node)
  ? loadWithCommonJs
  : (url: string, context: LoadHookContext, nextLoad: NextLoad): LoadFnOutput => nextLoad(url, context);

function loadWithCommonJs(url: string, context: LoadHookContext, nextLoad: NextLoad): LoadFnOutput {
  let loaded: LoadFnOutput;
  try {
    loaded = nextLoad(url, context);
  } catch (error) {
    if (!isLostSource(error) || (context.format ?? "commonjs") !== "commonjs") throw error;
    const source = contentOf(url);
    if (source === undefined) throw error;
    return { ...ofNode(source), shortCircuit: true };
  }
  // `require` reads modules by the CommonJS loader anyway; its conditions were a Set before they were a list.
  if (loaded.format !== "commonjs" || !new Set(context.conditions).has("import")) return loaded;
  const source = contentOf(url);
  return source !== undefined && isSame(source, loaded.source) ? { ...loaded, ...ofNode(source) } : loaded;
}

/** The format that Node itself uses for a CommonJS module in a graph that loads at once: its own loader runs it. */
function ofNode(source: Buffer): LoadFnOutput {
  return { format: "commonjs-sync", source } as LoadFnOutput;
}

function isLostSource(error: unknown): boolean {
  return error instanceof TypeError && (error as { code?: unknown }).code === "ERR_INVALID_RETURN_PROPERTY_VALUE";
}

/** A file that another hook has changed must not go to the CommonJS loader, which would read the original again. */
function isSame(content: Buffer, source: LoadFnOutput["source"]): boolean {
  if (typeof source === "string") return content.toString() === source;
  if (source === undefined) return false;
  return content.equals(source instanceof ArrayBuffer ? new Uint8Array(source) : (source as Uint8Array));
}

function contentOf(url: string): Buffer | undefined {
  try {
    return url.startsWith("file:") ? readFileSync(fileURLToPath(url)) : undefined;
  } catch {
    return undefined;
  }
}
