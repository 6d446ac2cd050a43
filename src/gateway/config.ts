/** Reads the gateway's configuration through its own functions, and this module's settings in it. */
import { readFileSync } from "node:fs";
import { SettingsError } from "../policy/schema.ts";
import { parseSettings, type Settings } from "../policy/settings.ts";
import type { GatewayConfig } from "./types.ts";
import { reasonOf } from "../attach/log.ts";
import { MESSAGES } from "../messages.ts";

/** Names a JSON file of settings, for releases that refuse entries of plugins unknown to them. */
export const SETTINGS_FILE_VARIABLE = "OPENCLAW_EVENT_ISOLATION_CONFIG";

/**
 * The value at process start: OpenClaw also reads variables from `.env` files. 2026.2 reads any variable from the one
 * in its working folder, which an agent may be able to write to.
 */
const SETTINGS_FILE = process.env[SETTINGS_FILE_VARIABLE];

/** Whether the settings are those of a file. They are read once, when the gateway starts. */
export const hasSettingsFile = Boolean(SETTINGS_FILE);

/**
 * The gateway's configuration as it is now.
 *
 * @param getters the attached functions of one name, in the order in which they were found
 * @throws {Error} if none of them answers
 */
export function gatewayConfig(getters: (name: string) => readonly ((...args: never[]) => unknown)[]): GatewayConfig {
  let failure: unknown;
  for (const name of ["getRuntimeConfig", "loadConfig"]) {
    // Some releases ship several copies of a module; one that did not run may fail.
    for (const getter of getters(name).toReversed()) {
      try {
        const config = (getter as () => unknown)();
        if (typeof config === "object" && config !== null) return config;
      } catch (error) {
        failure = error;
      }
    }
  }
  throw new Error("no configuration getter answered", { cause: failure });
}

/**
 * The settings: from the file that {@link SETTINGS_FILE_VARIABLE} names, otherwise from the gateway's configuration.
 *
 * @throws {SettingsError} if they are unreadable or wrong
 * @throws {Error} if the gateway's configuration cannot be read
 */
export function readSettings(config: () => GatewayConfig): Settings {
  const file = settingsFile();
  if (file !== undefined) return parseSettings(file);
  return parseSettings(config().plugins?.entries?.["event-isolation"]?.config);
}

function settingsFile(): unknown {
  if ((process.env[SETTINGS_FILE_VARIABLE] ?? "") !== (SETTINGS_FILE ?? "")) {
    throw new SettingsError(MESSAGES.settingsFileTooLate);
  }
  if (!SETTINGS_FILE) return undefined;
  try {
    return JSON.parse(readFileSync(SETTINGS_FILE, "utf8"));
  } catch (error) {
    throw new SettingsError(MESSAGES.settingsFileUnreadable(reasonOf(error)));
  }
}
