/** `doctor`'s checks of OpenClaw's configuration: settings, heartbeats, hooks. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SETTINGS_FILE_VARIABLE } from "../gateway/config.ts";
import { accessWarnings } from "../policy/access.ts";
import { IDLE_MINUTE_MS, QUIET_MS } from "../policy/heartbeat.ts";
import { SettingsError } from "../policy/schema.ts";
import { parseSettings, type Settings, settingsSchema } from "../policy/settings.ts";
import { type Check, finding } from "./check.ts";
import { Failure, oneLine } from "./failure.ts";
import {
  at,
  type ConfigFile,
  type Env,
  isObject,
  type OpenclawConfig,
  readConfig,
  stateDir,
} from "./openclaw-config.ts";
import { inRange } from "./versions.ts";
import { MESSAGES } from "./messages.ts";

const PLUGIN = "event-isolation";

/** Settings of the module whose names are also keys of OpenClaw's configuration. */
const ALSO_OF_OPENCLAW: ReadonlySet<string> = new Set(["hooks", "cron"]);

/**
 * All checks of the configuration; `file` undefined if it cannot be read.
 *
 * @param abortsHeartbeats whether the release itself aborts heartbeats for users
 */
export function configChecks(
  release: string,
  abortsHeartbeats: boolean,
  env: Env,
): { readonly checks: Check[]; readonly file: ConfigFile | undefined } {
  let file: ConfigFile;
  try {
    file = readConfig(env);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { checks: [finding.error("config", error.message)], file: undefined };
  }
  const { config, exists, path } = file;
  const checks: Check[] = [
    exists ? finding.ok("config", path) : finding.info("config", `${path} does not exist: OpenClaw uses its defaults`),
  ];
  if (file.includes) {
    checks.push(finding.warning("config", MESSAGES.hasInclude(path)));
  }
  const misplaced = Object.keys(settingsSchema.properties).filter((key) => !ALSO_OF_OPENCLAW.has(key) && key in config);
  if (misplaced.length > 0) checks.push(finding.error("config", MESSAGES.settingsAtTop(misplaced.join(", "), path)));
  const settings = settingsCheck(release, config, env);
  const quietMs = settings.settings?.heartbeat.quietMs ?? (abortsHeartbeats ? IDLE_MINUTE_MS : QUIET_MS);
  checks.push(...settings.checks, ...heartbeatChecks(release, config, quietMs), ...hooksChecks(config));
  return { checks, file };
}

/**
 * The problem of the settings that a gateway with this environment would read: such a gateway ends with code 78, and
 * 2026.9 names no setting then.
 *
 * @returns undefined if nothing is, or if the configuration cannot be read
 */
export function settingsProblem(env: Env): string | undefined {
  const path = env[SETTINGS_FILE_VARIABLE];
  try {
    const { config, includes } = readConfig(env);
    // The settings may be in a file that only OpenClaw reads.
    if (path || !includes) parseSettings(settingsValue(config, env));
    return undefined;
  } catch (error) {
    if (!(error instanceof SettingsError)) return undefined;
    return MESSAGES.settingsRefused(`${path ? `${path}: ` : ""}${error.message}`);
  }
}

function settingsValue(config: OpenclawConfig, env: Env): unknown {
  const path = env[SETTINGS_FILE_VARIABLE];
  return path ? JSON.parse(readFileSync(path, "utf8")) : at(config, "plugins", "entries", PLUGIN, "config");
}

function settingsCheck(
  release: string,
  config: OpenclawConfig,
  env: Env,
): { checks: Check[]; settings: Settings | undefined } {
  const name = "settings";
  const path = env[SETTINGS_FILE_VARIABLE];
  const entry = at(config, "plugins", "entries", PLUGIN);
  try {
    const value = settingsValue(config, env);
    const settings = parseSettings(value);
    const from =
      path ??
      (value === undefined ? "none given in this environment, all defaults" : `plugins.entries["${PLUGIN}"].config`);
    const checks: Check[] = [finding.ok(name, `valid (${from})`)];
    const observers = settings.observers.length;
    if (observers > 0) {
      checks.push(
        finding.info(
          name,
          `observers has ${observers} ${observers === 1 ? "entry" : "entries"}: connections that match see all sessions`,
        ),
      );
    }
    for (const text of accessWarnings(settings.access)) checks.push(finding.warning(name, oneLine(text)));
    const installed = existsSync(join(stateDir(env), "extensions", PLUGIN));
    if (installed && at(entry, "enabled") === false) checks.push(finding.warning("plugin", MESSAGES.pluginDisabled));
    if (
      entry !== undefined &&
      !installed &&
      inRange(release, "<2026.5") &&
      at(config, "plugins", "load") === undefined
    ) {
      checks.push(finding.warning(name, MESSAGES.pluginNotInstalled(release)));
    }
    return { checks, settings };
  } catch (error) {
    const where = path ? `${path}: ` : "";
    const text =
      error instanceof SettingsError ? error.message : MESSAGES.settingsUnreadable(oneLine((error as Error).message));
    return {
      checks: [finding.error(name, MESSAGES.settingsRefused(where + text))],
      settings: undefined,
    };
  }
}

/** OpenClaw's own default. */
const DEFAULT_EVERY = "30m";

function heartbeatChecks(release: string, config: OpenclawConfig, quietMs: number): Check[] {
  return heartbeats(config).map(({ agent, every, hours }) => {
    const name = "heartbeat";
    const ms = durationMs(every);
    if (ms === undefined) return finding.warning(name, MESSAGES.badInterval(agent, oneLine(every, 40)));
    if (ms === 0) return finding.ok(name, `agent ${agent}: off`);
    // Before, such hours mean all day.
    const { start, end } = isObject(hours) ? hours : {};
    if (typeof start === "string" && start === end && inRange(release, ">=2026.3")) {
      return finding.warning(name, MESSAGES.emptyHours(agent, oneLine(start, 20)));
    }
    return ms <= quietMs
      ? finding.warning(name, MESSAGES.shortInterval(agent, every, quietMs))
      : finding.ok(name, `agent ${agent}: every ${every}`);
  });
}

/**
 * The agents that have heartbeats: those with their own, otherwise all agents if the defaults have one, otherwise the
 * default agent.
 */
function heartbeats(
  config: OpenclawConfig,
): { readonly agent: string; readonly every: string; readonly hours: unknown }[] {
  const list = at(config, "agents", "list");
  const agents = Array.isArray(list) ? list.filter(isObject) : [];
  const defaults = at(config, "agents", "defaults", "heartbeat");
  const own = agents.filter((agent) => isObject(agent["heartbeat"]));
  const fallback = agents.find((agent) => agent["default"] === true) ?? agents[0] ?? { id: "main" };
  const beating = own.length > 0 ? own : isObject(defaults) && agents.length > 0 ? agents : [fallback];
  return beating.map((agent) => {
    const every = at(agent, "heartbeat", "every") ?? at(defaults, "every") ?? DEFAULT_EVERY;
    const hours = at(agent, "heartbeat", "activeHours") ?? at(defaults, "activeHours");
    return { agent: oneLine(String(agent["id"]), 60), every: String(every), hours };
  });
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `1h30m`, `0`; a bare number is minutes, as OpenClaw reads it. */
function durationMs(text: string): number | undefined {
  const parts = text.trim().toLowerCase();
  if (/^\d+(\.\d+)?$/.test(parts)) return Number(parts) * UNIT_MS["m"]!;
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(parts)) return undefined;
  return [...parts.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * UNIT_MS[unit!]!,
    0,
  );
}

function hooksChecks(config: OpenclawConfig): Check[] {
  const name = "hooks";
  if (at(config, "hooks", "enabled") !== true) return [finding.ok(name, "off")];
  if (at(config, "hooks", "allowRequestSessionKey") !== true) {
    return [finding.ok(name, "on; a caller may not name a session (allowRequestSessionKey is off)")];
  }
  const prefixes = at(config, "hooks", "allowedSessionKeyPrefixes");
  if (Array.isArray(prefixes) && prefixes.length > 0) {
    const shown = prefixes
      .slice(0, 10)
      .map((each) => oneLine(String(each), 60))
      .join(", ");
    return [finding.ok(name, `on; a caller may name sessions that begin with ${shown}`)];
  }
  return [finding.warning(name, MESSAGES.hooksOpen)];
}
