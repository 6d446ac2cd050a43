/** Services other than systemd's units, by the files in which OpenClaw or pm2 describes them. */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { gatewayProcess } from "../attach/process.ts";
import { oneLine } from "./failure.ts";
import { hasModule } from "./node-options.ts";
import { at, type Env, isObject, profileOf, stateDir } from "./openclaw-config.ts";

export interface ServiceFile {
  /** The service, for a message. */
  readonly name: string;
  readonly path: string;
  /** The option of `enable` for it. */
  readonly way: "launchd" | "windows" | "pm2";
  readonly enabled: boolean;
}

/** The label of OpenClaw's service for launchd. */
export function launchdLabel(env: Env): string {
  return env["OPENCLAW_LAUNCHD_LABEL"]?.trim() || `ai.openclaw.${profileOf(env) || "gateway"}`;
}

/** OpenClaw's plist for launchd. */
export function launchdPlist(env: Env): string {
  return join(env["HOME"] ?? homedir(), "Library/LaunchAgents", `${launchdLabel(env)}.plist`);
}

/** The batch file that the Scheduled Task starts, and the task. */
export function scheduledTask(env: Env): { readonly script: string; readonly task: string } {
  const profile = profileOf(env);
  return {
    script: env["OPENCLAW_TASK_SCRIPT"]?.trim() || join(stateDir(env), "gateway.cmd"),
    task: env["OPENCLAW_WINDOWS_TASK_NAME"]?.trim() || `OpenClaw Gateway${profile && ` (${profile})`}`,
  };
}

/** Those that are installed, and whether each starts the gateway with the module. */
export function serviceFiles(env: Env): ServiceFile[] {
  const { script, task } = scheduledTask(env);
  const home = env["HOME"] ?? homedir();
  const files = [
    { name: `launchd's ${launchdLabel(env)}`, path: launchdPlist(env), way: "launchd" },
    { name: `the Scheduled Task "${task}"`, path: script, way: "windows" },
  ] as const;
  const written = files.flatMap((file) => {
    const text = smallText(file.path);
    return text === undefined ? [] : [{ ...file, enabled: NAMED.test(text) || loadsModule(plistCommand(text)) }];
  });
  return [...written, ...pm2Apps(join(env["PM2_HOME"] ?? join(home, ".pm2"), "dump.pm2"))];
}

/** The gateways among the apps that `pm2 save` has written down. */
function pm2Apps(path: string): ServiceFile[] {
  let apps: unknown;
  try {
    apps = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return []; // no pm2, or nothing saved
  }
  return (Array.isArray(apps) ? apps : []).filter(isObject).flatMap((app) => {
    const list = (key: string): string[] => (Array.isArray(app[key]) ? app[key].map(String) : []);
    if (!gatewayProcess(["node", String(app["pm_exec_path"]), ...list("args")])) return [];
    // In cluster mode a worker has the environment of pm2's daemon when it starts.
    const options = app["exec_mode"] === "fork_mode" ? String(at(app, "env", "NODE_OPTIONS") ?? "") : "";
    const enabled = hasModule(list("node_args").join(" ")) || hasModule(options);
    return [{ name: `pm2's ${oneLine(String(app["name"]), 60)}`, path, way: "pm2", enabled }];
  });
}

/** The `NODE_OPTIONS` that a plist sets; undefined if it sets none or does not exist. */
export function plistOptions(path: string): string | undefined {
  const text = /<key>NODE_OPTIONS<\/key>\s*<string>([^<]*)<\/string>/.exec(smallText(path) ?? "")?.[1];
  return text?.replaceAll(/&(quot|apos|lt|gt|amp);/g, (_, name: string) => ENTITIES[name]!);
}

const ENTITIES: Readonly<Record<string, string>> = { quot: '"', apos: "'", lt: "<", gt: ">", amp: "&" };

/** The module's file, or this package's command with `run`. */
const NAMED =
  /openclaw-event-isolation(?:[\\/]dist[\\/]register\.js|[\\/]register\b|(?:[\\/]dist[\\/]cli\.js)?["']?\s+run\b)/;

/**
 * Whether a command starts the gateway with the module whatever its environment: by a flag of Node, by this package's
 * `run`, or by a script that does either.
 *
 * @param command the program and its arguments
 */
export function loadsModule(command: readonly string[]): boolean {
  const scripts = command.filter((word) => word.startsWith("/")).map((path) => smallText(path) ?? "");
  return [command.join(" "), ...scripts].some((text) => NAMED.test(text.replaceAll(/^\s*#.*$/gm, "")));
}

/** The command that a plist starts. */
function plistCommand(plist: string): string[] {
  const [, list = ""] = /<key>ProgramArguments<\/key>\s*<array>([\s\S]*?)<\/array>/.exec(plist) ?? [];
  return [...list.matchAll(/<string>([^<]*)<\/string>/g)].map((match) => match[1]!);
}

function smallText(path: string): string | undefined {
  try {
    return statSync(path).size > 65_536 ? undefined : readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
