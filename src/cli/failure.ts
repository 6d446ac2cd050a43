/** The command's failures: one line that says what to do, and an exit code. */
import { CommanderError } from "commander";
import { oneLine } from "../attach/log.ts";

export { oneLine };

/** Exit codes of every subcommand but `run`, which passes on the gateway's. */
export const EXIT = {
  ok: 0,
  /** The command worked and found a problem: a warning of `doctor`, a leak of `probe`. */
  found: 1,
  /** The command failed, its usage was wrong, or `doctor` found an error. */
  failed: 2,
  /** EX_CONFIG, as the module itself ends a gateway that would run unprotected. */
  config: 78,
} as const;

/** A failure whose message is for the user: one line, that says what to do. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: number;

  constructor(message: string, options: { readonly cause?: unknown; readonly exitCode?: number } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/**
 * Says on stderr why the command failed: one line, with `verbose` the stack too.
 *
 * @returns the exit code
 */
export function reportFailure(error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError) {
    // Commander has already printed it, or the user asked for help.
    return error.exitCode === 0 ? EXIT.ok : EXIT.failed;
  }
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`openclaw-event-isolation: ${oneLine(message)}\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${withCauses(error)}\n`);
  return error instanceof Failure ? error.exitCode : EXIT.failed;
}

function withCauses(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${withCauses(error.cause)}` : stack;
}
