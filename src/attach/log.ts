/** Writes to the gateway's log, and ends a gateway that must not start. */
import { writeSync } from "node:fs";

/** Exit code of a gateway that would have run unprotected or misconfigured: EX_CONFIG. */
export const EXIT_CONFIG = 78;

/** Before every line in the gateway's log. */
const PREFIX = "[event-isolation]";

/** A message quotes settings and errors, which must not break into further lines of the log. */
const MAX_LENGTH = 2_000;

export function warn(message: string): void {
  console.warn(`${PREFIX} ${oneLine(message, MAX_LENGTH)}`);
}

export function info(message: string): void {
  console.log(`${PREFIX} ${oneLine(message, MAX_LENGTH)}`);
}

/** Says why and ends the process. Written directly: the gateway may have replaced the console. */
export function refuse(message: string): never {
  writeSync(2, `${PREFIX} ${oneLine(message, MAX_LENGTH)}\n`);
  process.exit(EXIT_CONFIG);
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Puts foreign text into one line of a bounded length, without control characters. */
export function oneLine(text: string, limit = 500): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}
