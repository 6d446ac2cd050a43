/** How the preload reaches the processes that need it, and no other. */
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

/** A restart in a new process is told to load the module by flag, as NODE_OPTIONS is cleaned. */
export function keepForRestart(): void {
  if (process.execArgv.some((arg) => isOurs(arg.replace(/^--import=/, "")))) return;
  process.execArgv.push(`--import=${registerUrl()}`);
}

/** `file:` URL of the module that `--import` takes. It has no blank in it, so needs no quotes in NODE_OPTIONS. */
export function registerUrl(): string {
  return new URL("../register.js", import.meta.url).href;
}

/** Whether a specifier given to `--import` names this module. */
export function isOurs(specifier: string): boolean {
  if (specifier === "openclaw-event-isolation/register") return true;
  try {
    return asPath(specifier) === asPath(registerUrl());
  } catch {
    return false;
  }
}
