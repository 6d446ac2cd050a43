/** What the module says in the gateway's log, and how it ends a gateway that must not start. */
import { writeSync } from "node:fs";

/** Exit code of a gateway that would have run unprotected or misconfigured: EX_CONFIG. */
export const EXIT_CONFIG = 78;

export function warn(message: string): void {
  console.warn(`[event-isolation] ${message}`);
}

export function info(message: string): void {
  console.log(`[event-isolation] ${message}`);
}

/** Says why and ends the process. Written directly: the gateway may have replaced the console. */
export function refuse(message: string): never {
  writeSync(2, `[event-isolation] ${message}\n`);
  process.exit(EXIT_CONFIG);
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
