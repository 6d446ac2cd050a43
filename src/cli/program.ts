/** The command `openclaw-event-isolation`: its subcommands, one file each. */
import { Command } from "commander";
import { ownVersion } from "../attach/own-version.ts";
import { doctorSubcommand } from "./doctor.ts";
import { disableSubcommand, enableSubcommand } from "./enable.ts";
import { reportFailure } from "./failure.ts";
import { probeCommand } from "./probe.ts";
import { runSubcommand } from "./run.ts";
import { statusSubcommand } from "./status.ts";
import { wakeSubcommand } from "./wake.ts";

/** Each function makes one subcommand with its options, help and action; the help lists them in this order. */
const SUBCOMMANDS: readonly (() => Command)[] = [
  runSubcommand,
  enableSubcommand,
  disableSubcommand,
  doctorSubcommand,
  probeCommand,
  statusSubcommand,
  wakeSubcommand,
];

/**
 * Runs the command.
 *
 * @param argv like `process.argv`
 * @returns the exit code, unless a subcommand has set `process.exitCode` itself
 */
export async function runCommand(argv: readonly string[]): Promise<number | undefined> {
  let verbose = false;
  const program = makeProgram().hook("preAction", (_, action) => {
    verbose = Boolean(action.opts()["verbose"]);
  });
  try {
    await program.parseAsync([...argv]);
    return undefined;
  } catch (error) {
    return reportFailure(error, verbose);
  }
}

/** The command with all of its subcommands. */
export function makeProgram(): Command {
  const program = new Command("openclaw-event-isolation")
    .description("Delivers an OpenClaw gateway's session events only to the connections that ask for the session.")
    .version(ownVersion(), "-V, --version", "print the version")
    .helpCommand(false)
    .enablePositionalOptions();
  for (const subcommand of SUBCOMMANDS) program.addCommand(subcommand());
  prepare(program);
  return program;
}

/** Settings of all commands, including those below a subcommand. */
function prepare(command: Command): void {
  command.helpOption("-h, --help", "show help").showHelpAfterError("(--help shows the usage)").exitOverride();
  if (command.commands.length === 0) command.option("--verbose", "show the stack trace of a failure");
  for (const subcommand of command.commands) prepare(subcommand);
}
