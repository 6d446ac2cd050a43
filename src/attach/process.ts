/** Which process this is: a gateway run, or one of the many others that inherit NODE_OPTIONS. */
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

export interface GatewayProcess {
  /** The openclaw package's folder, real path. */
  readonly root: string;
  /** Its version, e.g. `2026.9.6`. */
  readonly release: string;
}

/** `openclaw gateway <word>` that talks to a gateway or its service instead of being one. */
const NOT_A_RUN: ReadonlySet<string> = new Set([
  "auth-token",
  "call",
  "diagnostics",
  "discover",
  "health",
  "help",
  "install",
  "probe",
  "restart",
  "restart-handoff",
  "resume",
  "stability",
  "start",
  "status",
  "stop",
  "suspend",
  "uninstall",
  "usage-cost",
]);

/** Commands other than `gateway` that start one in their own process. */
const ALSO_START: ReadonlySet<string> = new Set(["onboard", "setup"]);

/**
 * Distinguishes a gateway run from every other process by its command line.
 *
 * An unknown word counts as a run: attaching for nothing costs little, but a gateway without the module would be
 * unprotected.
 *
 * @param argv like `process.argv`
 * @param env like `process.env`
 * @returns undefined if this is not an OpenClaw process that runs a gateway
 */
export function gatewayProcess(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): GatewayProcess | undefined {
  const [script, ...args] = behindPm2(argv.slice(1), env);
  if (!script || !isGatewayRun(args.map(String))) return undefined;
  return openclawPackage(script);
}

const PM2_SCRIPT = /[\\/]pm2[\\/]lib[\\/]ProcessContainer(Fork)?\.js$/;

/** pm2 starts a script of its own, which then loads the one that the environment names. */
function behindPm2(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly (string | undefined)[] {
  const [script = "", ...args] = words;
  const match = PM2_SCRIPT.exec(script);
  if (!match) return words;
  if (match[1] !== undefined) return [env["pm_exec_path"], ...args];
  try {
    const { pm_exec_path: path, args: more } = JSON.parse(env["pm2_env"] ?? "{}") as Record<string, unknown>;
    return [String(path), ...(Array.isArray(more) ? more.map(String) : [])];
  } catch {
    return [];
  }
}

/** @param args OpenClaw's own arguments, e.g. `["--profile", "dev", "gateway", "run"]` */
export function isGatewayRun(args: readonly string[]): boolean {
  const at = args.indexOf("gateway");
  if (at === -1) return args.some((word) => ALSO_START.has(word)) || isBare(args);
  // Only the next word: further on it may be the value of an option, e.g. of `--token`.
  return !NOT_A_RUN.has(args[at + 1] ?? "");
}

/** `openclaw` without a command: newer releases begin a setup there that ends in a gateway. */
function isBare(args: readonly string[]): boolean {
  if (args.some((each) => NO_COMMAND_NEEDED.has(each))) return false;
  return args.every((each, index) => each.startsWith("-") || TAKES_A_VALUE.has(args[index - 1] ?? ""));
}

const NO_COMMAND_NEEDED: ReadonlySet<string> = new Set(["--help", "-h", "--version", "-V", "-v"]);

/** OpenClaw's options before the command that are followed by a value. */
const TAKES_A_VALUE: ReadonlySet<string> = new Set(["--container", "--log-level", "--profile"]);

/** The openclaw package that a script belongs to: `openclaw.mjs`, `dist/entry.js`, a bin link. */
export function openclawPackage(script: string): GatewayProcess | undefined {
  let folder: string;
  try {
    folder = dirname(realpathSync(script));
  } catch {
    return undefined;
  }
  for (let depth = 0; depth < 3; depth += 1, folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
        name?: unknown;
        version?: unknown;
      };
      if (manifest.name !== "openclaw") return undefined;
      return { root: folder, release: String(manifest.version) };
    } catch {
      // no manifest here, one folder up perhaps
    }
  }
  return undefined;
}

/**
 * Takes `--import <module>` out of a NODE_OPTIONS value, other options untouched.
 *
 * @param options value of NODE_OPTIONS; Node's own quoting: blanks separate, `"` quotes, `\` escapes
 * @param isOurs says whether a specifier given to `--import` names our module
 * @returns the remaining value; the same string if it does not name our module
 */
export function withoutPreload(options: string, isOurs: (specifier: string) => boolean): string {
  const tokens = tokensOf(options);
  const kept: string[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = plain(tokens[index]!);
    const next = tokens[index + 1];
    if (token === "--import" && next !== undefined && isOurs(plain(next))) index += 1;
    else if (!(token.startsWith("--import=") && isOurs(token.slice("--import=".length)))) kept.push(tokens[index]!);
  }
  return kept.length === tokens.length ? options : kept.join(" ");
}

/** The options in a NODE_OPTIONS value, without Node's quoting. */
export function optionWords(options: string): readonly string[] {
  return tokensOf(options).map(plain);
}

function tokensOf(options: string): readonly string[] {
  return options.match(/(?:[^ "]|"(?:[^"\\]|\\.)*")+/g) ?? [];
}

function plain(token: string): string {
  return token.replaceAll(/"((?:[^"\\]|\\.)*)"/g, (_, quoted: string) => quoted.replaceAll(/\\(.)/g, "$1"));
}
