/** NODE_OPTIONS with this module in it, other options kept. */
import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { isOurs, registerUrl } from "../attach/preload.ts";
import { withoutPreload } from "../attach/process.ts";

const SCRIPT = /([\\/]openclaw-event-isolation[\\/]dist[\\/])cli\.js$/;

/**
 * URL of the module by the path under which this command was started, if that leads to this package: pnpm keeps
 * each version in a folder of its own, and only the link that its shim goes by outlives an update.
 *
 * @param script `process.argv[1]`
 */
export function lastingUrl(script = process.argv[1] ?? ""): string {
  try {
    const path = script.replace(SCRIPT, "$1register.js");
    if (path !== script && realpathSync(path) === realpathSync(new URL(registerUrl()))) return pathToFileURL(path).href;
  } catch {
    // It is not where it was started from.
  }
  return registerUrl();
}

/** @param options what it was, if anything */
export function withModule(options: string | undefined): string {
  return [withoutModule(options), MODULE_OPTION].filter((part) => part !== "").join(" ");
}

function withoutModule(options = ""): string {
  return withoutPreload(options, isOurs).trim();
}

/** Whether the module is in it, from this installation or another. */
export function hasModule(options = ""): boolean {
  return withoutModule(options) !== options.trim();
}

/** For a shell or a Dockerfile, where a variable's value can be written into another. */
export const MODULE_OPTION = `--import=${lastingUrl()}`;
