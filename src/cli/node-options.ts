/** NODE_OPTIONS with this module in it, other options kept. */
import { isOurs, registerUrl } from "../attach/preload.ts";
import { withoutPreload } from "../attach/process.ts";

/** Wherever it is installed: also a copy that has since moved. */
const ANY_INSTALL = /[\\/]openclaw-event-isolation[\\/]dist[\\/]register\.js$/;

/** @param options what it was, if anything */
export function withModule(options: string | undefined): string {
  return [withoutModule(options), `--import=${registerUrl()}`].filter((part) => part !== "").join(" ");
}

function withoutModule(options = ""): string {
  return withoutPreload(options, (specifier) => isOurs(specifier) || ANY_INSTALL.test(specifier)).trim();
}

/** Whether the module is in it, from this installation or another. */
export function hasModule(options = ""): boolean {
  return withoutModule(options) !== options.trim();
}

/** For a shell or a Dockerfile, where a variable's value can be written into another. */
export const MODULE_OPTION = `--import=${registerUrl()}`;
