/** A headless Chromium for tests of pages. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { PATIENCE_MS } from "./patience.ts";

const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Quiet on the network: what a page loads is what a test looks at. */
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Why tests of pages cannot run on this machine, or undefined if they can. */
export function noBrowser(): string | undefined {
  if (existsSync(EXECUTABLE)) return undefined;
  return `SKIPPED: there is no ${EXECUTABLE}; install chromium, or set CHROMIUM to one`;
}

/** Starts it; the caller closes it. Ask {@link noBrowser} first. */
export async function launchBrowser(): Promise<Browser> {
  const missing = noBrowser();
  if (missing) throw new Error(missing);
  return chromium.launch({ executablePath: EXECUTABLE, args: ARGS, timeout: PATIENCE_MS });
}
