/** What the command lines of all scripts and of the benchmark have in common. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

const FAILED = "wrong usage, or it could not be done";

/**
 * A script without options of its own but `--help`.
 *
 * @param name as in package.json
 * @param about what it does; line breaks within a paragraph do not matter
 * @param exitCodes what the codes 0, 1 and 2 mean
 */
export function script(
  name: string,
  about: string,
  [ok, found, failed = FAILED]: readonly [ok: string, found: string, failed?: string],
): Command {
  return new Command(name)
    .description(about.replaceAll(/(?<!\n)\n(?!\n)/g, " "))
    .configureHelp({ commandUsage: (command) => `npm run ${command.name()} -- ${command.usage()}` })
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", `\nExit codes:\n  0  ${ok}\n  1  ${found}\n  2  ${failed}`)
    .showHelpAfterError("(--help shows the usage)")
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
}

/**
 * Runs a script: the result of `main` is the exit code, a failure is one line on stderr and code 2.
 *
 * @param main gets the options, and the arguments that are not options; it reports wrong usage with an
 *   `InvalidArgumentError`
 */
export async function runScript<T extends object>(
  command: Command,
  main: (options: T, args: readonly string[]) => number | Promise<number>,
): Promise<void> {
  command.parse();
  try {
    process.exitCode = await main(command.opts<T>(), command.args);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof CommanderError) command.error(`error: ${message}`);
    process.stderr.write(`${command.name()}: failed: ${message}\n`);
    process.exitCode = 2;
  }
}

/** Writes what a script is doing to stderr, with the script's name before it. */
export function progressOf(name: string): (message: string) => void {
  return (message) => void process.stderr.write(`${name}: ${message}\n`);
}

/** `--release <version>`. */
export function releaseOption(fallback: string): Option {
  return new Option("--release <version>", "OpenClaw release, installed on first use")
    .default(fallback, fallback)
    .argParser(parseRelease);
}

/** `--json`. */
export function jsonOption(what = "the result"): Option {
  return new Option("--json", `print ${what} as JSON on stdout`);
}

/** `--only <nn>`: upstream patches. */
export function onlyOption(): Option {
  return new Option("--only <nn>", "patches by number, e.g. 01; may be given more than once")
    .default([], "all")
    .argParser((text: string, before: readonly string[]) => [...before, text]);
}

/** Reads an OpenClaw release. */
export function parseRelease(text: string): string {
  if (/^\d{4}\.\d+\.\d+(-[\w.]+)?$/.test(text)) return text;
  throw new InvalidArgumentError(`"${text}" is not an OpenClaw release: expected e.g. 2026.3.13`);
}

/** A reader of integers. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected an integer between ${least} and ${most}.`);
  };
}

/** Reads a number of minutes. */
export function parseMinutes(text: string): number {
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  throw new InvalidArgumentError("Expected a number above 0.");
}
