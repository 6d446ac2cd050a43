/** A gateway that was started without the preload: says so, and ends or restarts it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readSettings } from "../gateway/config.ts";
import { reasonOf, refuse, warn } from "../attach/log.ts";
import { gatewayProcess } from "../attach/process.ts";
import { type Settings, STRICT_SETTINGS } from "../policy/settings.ts";
import type { PluginApi } from "./api.ts";
import { pluginFolder } from "./folder.ts";

/** Marks the process that was restarted with the preload: it is not restarted again. */
export const RESTARTED_VARIABLE = "OPENCLAW_EVENT_ISOLATION_RESTARTED";

/**
 * No gateway boots for this long. One that is older has just been given the plugin by `plugins install`
 * (2026.9), in the middle of its work: it is not ended, its next start is.
 */
const LONGEST_BOOT_S = 300;

const UNPROTECTED = "this gateway was started WITHOUT the preload: every client would get the events of every session";

/** Does what `onMissingPreload` says. Returns if the gateway may go on unprotected. */
export function missingPreload(api: PluginApi): void {
  const preload = join(pluginFolder(api), "dist", "register.js");
  const way = `Start it with NODE_OPTIONS="--import=${preload}"`;
  const mode = modeOf(api);
  if (mode === "warn") return warn(`${UNPROTECTED}. It runs UNPROTECTED because onMissingPreload is "warn". ${way}`);
  if (process.uptime() > LONGEST_BOOT_S)
    return warn(`${UNPROTECTED}. It runs UNPROTECTED until its next start. ${way}`);
  if (mode === "restart") {
    const problem = restart(preload);
    refuse(`${UNPROTECTED}. It was not restarted with the preload: ${problem}. ${way}`);
  }
  refuse(`${UNPROTECTED}. It was not started. ${way}, or set onMissingPreload to "warn" to run unprotected`);
}

function modeOf(api: PluginApi): Settings["onMissingPreload"] {
  try {
    return readSettings(() => api.config).onMissingPreload;
  } catch (error) {
    warn(`settings could not be read, the strictest are in force: ${reasonOf(error)}`);
    return STRICT_SETTINGS.onMissingPreload;
  }
}

/** Replaces this process by one with the preload. Only returns if that is impossible, with the reason. */
function restart(preload: string): string {
  if (process.env[RESTARTED_VARIABLE] !== undefined) return "it was restarted already and still is without it";
  if (typeof process.execve !== "function") return "this Node has no process.execve";
  if (!existsSync(preload)) return `${preload} is missing`;
  const release = gatewayProcess(process.argv)?.release ?? "unknown";
  if (ownsStateFolder(release)) return `OpenClaw ${release} lets no second process own its state folder`;
  warn(`${UNPROTECTED}. Restarting it with the preload`);
  const argv = [
    process.execPath,
    ...process.execArgv,
    `--import=${pathToFileURL(preload).href}`,
    ...process.argv.slice(1),
  ];
  try {
    process.execve(process.execPath, argv, { ...process.env, [RESTARTED_VARIABLE]: "1" });
    return "process.execve came back";
  } catch (error) {
    return reasonOf(error);
  }
}

/** From 2026.8 on a lock on the state folder outlives `execve`, and the new process waits for itself. */
function ownsStateFolder(release: string): boolean {
  const [year = 0, month = 0] = release.split(".").map(Number);
  return year > 2026 || (year === 2026 && month >= 8);
}
