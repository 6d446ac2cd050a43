/** OpenClaw's own configuration file, found and read as OpenClaw does. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import JSON5 from "json5";
import { Failure, oneLine } from "./failure.ts";
import { textOf } from "./plan.ts";
import { MESSAGES } from "./messages.ts";

/** Variables of the environment. */
export type Env = Readonly<Record<string, string | undefined>>;

/** The parts that the command reads. A user has written them, so they may have any type. */
export interface OpenclawConfig {
  readonly [key: string]: unknown;
}

export interface ConfigFile {
  readonly path: string;
  /** False if the file does not exist: OpenClaw then uses its defaults. */
  readonly exists: boolean;
  readonly config: OpenclawConfig;
  /** Whether parts are in other files (`$include`), which are not read here. */
  readonly includes: boolean;
}

/** The profile that is not the default one; `""` for that. */
export function profileOf(env: Env): string {
  const profile = env["OPENCLAW_PROFILE"]?.trim() ?? "";
  return profile.toLowerCase() === "default" ? "" : profile;
}

/** OpenClaw's state folder: `OPENCLAW_STATE_DIR`, or `.openclaw` in the home folder, with the profile's name. */
export function stateDir(env: Env): string {
  const home = env["OPENCLAW_HOME"]?.trim() || env["HOME"]?.trim() || homedir();
  const override = env["OPENCLAW_STATE_DIR"]?.trim();
  if (override) return resolve(override.replace(/^~(?=$|[\\/])/, home));
  const profile = profileOf(env);
  return join(home, profile === "" ? ".openclaw" : `.openclaw-${profile}`);
}

/**
 * Reads the configuration.
 *
 * @throws {Failure} if the file exists but cannot be read, or is not a JSON5 object
 */
export function readConfig(env: Env): ConfigFile {
  const path = resolve(env["OPENCLAW_CONFIG_PATH"]?.trim() || join(stateDir(env), "openclaw.json"));
  const text = textOf(path);
  if (text === undefined) return { path, exists: false, config: {}, includes: false };
  let config: unknown;
  try {
    config = JSON5.parse(text);
  } catch (cause) {
    throw new Failure(MESSAGES.notJson5(path, oneLine((cause as Error).message.replace(/^JSON5: /, ""))), { cause });
  }
  if (!isObject(config)) throw new Failure(MESSAGES.notObject(path));
  return { path, exists: true, config, includes: hasInclude(config) };
}

/** The value at a path of keys; undefined if it is missing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce(
    (each: unknown, key) => (isObject(each) && Object.hasOwn(each, key) ? each[key] : undefined),
    value,
  );
}

/** A string of the configuration, with `${NAME}` replaced from the environment as OpenClaw does. */
export function textAt(env: Env, value: unknown, ...path: readonly string[]): string | undefined {
  const text = at(value, ...path);
  if (typeof text !== "string") return undefined;
  const filled = text.replaceAll(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (_, name: string) => env[name] ?? "");
  return filled.trim() || undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasInclude(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasInclude);
  return isObject(value) && Object.entries(value).some(([key, each]) => key === "$include" || hasInclude(each));
}
