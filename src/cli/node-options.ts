/** NODE_OPTIONS with this module in it, other options kept. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isOurs, registerUrl } from "../attach/preload.ts";
import { withoutPreload } from "../attach/process.ts";

const SCRIPT = /([\\/]openclaw-event-isolation[\\/]dist[\\/])cli\.js$/;

/**
 * URL of the module by a path that outlives an update: pnpm keeps each version in its own folder, to which a link
 * leads. Since pnpm 11 its shims use that link; older ones do not.
 *
 * @param script `process.argv[1]`
 */
export function lastingUrl(script = process.argv[1] ?? ""): string {
  const started = script.replace(SCRIPT, "$1register.js");
  const [store] = started.split(/[\\/]\.pnpm[\\/]/);
  const links = ["node_modules/", ""].map((part) => join(store!, `${part}openclaw-event-isolation/dist/register.js`));
  const lasting = [...(store === started ? [] : links), started].find(isThis);
  return lasting === undefined ? registerUrl() : pathToFileURL(lasting).href;
}

function isThis(path: string): boolean {
  try {
    return (
      SCRIPT.test(path.replace(/register\.js$/, "cli.js")) &&
      realpathSync(path) === realpathSync(new URL(registerUrl()))
    );
  } catch {
    return false;
  }
}

/** Where npx, `pnpm dlx`, `yarn dlx` and `bunx` put a package that they run once. */
const RUNNERS_CACHE = /[\\/](?:_npx|pnpm(?:-cache)?[\\/]dlx|xfs-[^\\/]+[\\/]dlx-\d+|\.?bunx-[^\\/]+)[\\/]/;

/** @returns whether an installed file, given by path or URL, will soon be gone */
export function inRunnersCache(file: string): boolean {
  return RUNNERS_CACHE.test(file);
}

/** @param options the previous value, if any */
export function withModule(options: string | undefined): string {
  return [withoutModule(options), MODULE_OPTION].filter((part) => part !== "").join(" ");
}

/** @param options the previous value, if any */
export function withoutModule(options = ""): string {
  return withoutPreload(options, isOurs).trim();
}

/** Whether the module is in it, from this installation or another. */
export function hasModule(options = ""): boolean {
  return withoutModule(options) !== options.trim();
}

/** For a shell or a Dockerfile, which can append it to another value. */
export const MODULE_OPTION = `--import=${lastingUrl()}`;
