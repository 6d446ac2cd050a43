/** What the command lines of all scripts have in common. */
import { parseArgs, type ParseArgsConfig } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;
interface Config<T extends Options> {
  readonly options: T;
  readonly allowPositionals: boolean;
}

/**
 * The options given to this script. `--help` prints the help and ends the process with code 0,
 * wrong usage says what is wrong and ends it with 2.
 *
 * @param options as `util.parseArgs` takes them; `--help` is added
 * @param positionals whether words that are no options are allowed
 */
export function scriptOptions<T extends Options>(
  help: string,
  options: T,
  positionals = false,
): ReturnType<typeof parseArgs<Config<T>>> {
  const config = { options, allowPositionals: positionals };
  try {
    const { values } = parseArgs({ ...config, options: { ...options, help: { type: "boolean", short: "h" } } });
    if ((values as { help?: boolean }).help) {
      console.log(help);
      process.exit(0);
    }
    return parseArgs<Config<T>>(config);
  } catch (error) {
    return wrongUsage((error as Error).message, help);
  }
}

/** Ends the process with code 2. */
export function wrongUsage(message: string, help: string): never {
  process.stderr.write(`${message}\n\n${help}\n`);
  process.exit(2);
}

/** An OpenClaw release as given on the command line; anything else is wrong usage. */
export function releaseOption(text: string, help: string): string {
  if (/^\d{4}\.\d+\.\d+(-[\w.]+)?$/.test(text)) return text;
  return wrongUsage(`"${text}" is no OpenClaw release; write e.g. 2026.3.13`, help);
}

/** A whole number as given on the command line; anything else is wrong usage. */
export function wholeNumber(option: string, text: string, least: number, most: number, help: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  return wrongUsage(`${option} has to be a whole number from ${least} to ${most}, not "${text}"`, help);
}

/** Runs a script: its result is the exit code, a failure one line on stderr and code 2. */
export async function runScript(name: string, main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${name}: failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
