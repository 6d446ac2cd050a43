/** How the preload reaches the processes that need it, and no other. */
import { realpathSync } from "node:fs";
import { asPath } from "./loader.ts";
import { withoutPreload } from "./process.ts";

/** Keeps the preload from the programs that the gateway's agents start. */
export function leaveChildren(): void {
  const options = process.env["NODE_OPTIONS"];
  if (options === undefined) return;
  const rest = withoutPreload(options, isOurs);
  if (rest === "") delete process.env["NODE_OPTIONS"];
  else process.env["NODE_OPTIONS"] = rest;
}

/** Makes a restart in a new process load the module by flag, since NODE_OPTIONS is cleaned. */
export function keepForRestart(): void {
  if (process.execArgv.some((arg) => isOurs(arg.replace(/^--import=/, "")))) return;
  process.execArgv.push(`--import=${registerUrl()}`);
}

/** `file:` URL of the module that `--import` takes. It contains no space, so it needs no quotes in NODE_OPTIONS. */
export function registerUrl(): string {
  return new URL("../register.js", import.meta.url).href;
}

/** Wherever it is installed: a copy that has since moved, or the link to one that pnpm keeps. */
const ANY_INSTALL = /[\\/]openclaw-event-isolation[\\/]dist[\\/]register\.js$/;

/** Whether a specifier given to `--import` names this module, from this installation or another. */
export function isOurs(specifier: string): boolean {
  if (specifier === "openclaw-event-isolation/register" || ANY_INSTALL.test(specifier)) return true;
  try {
    return realpathSync(asPath(specifier)) === realpathSync(asPath(registerUrl()));
  } catch {
    return specifier === registerUrl();
  }
}
