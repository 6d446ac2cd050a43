/** A gateway that was started without the preload: says so, and ends it unless the settings allow it. */
import { dirname, join } from "node:path";
import { readSettings } from "../gateway/config.ts";
import { reasonOf, refuse, warn } from "../attach/log.ts";
import { type Settings, STRICT_SETTINGS } from "../policy/settings.ts";
import type { PluginApi } from "./api.ts";

/**
 * No gateway boots for this long. One that is older has just been given the plugin by `plugins install`
 * (2026.9), in the middle of its work: it is not ended, its next start is.
 */
const LONGEST_BOOT_S = 300;

const UNPROTECTED = "this gateway was started WITHOUT the preload: every client would get the events of every session";

/** Does what `onMissingPreload` says. Returns if the gateway may go on unprotected. */
export function missingPreload(api: PluginApi): void {
  // Not the code's own address: 2026.9 runs a copy of the code.
  const folder = api.rootDir ?? dirname(dirname(api.source));
  const preload = join(folder, "dist", "register.js");
  const way = `Start it with NODE_OPTIONS="--import=${preload}"`;
  const mode = modeOf(api);
  if (mode === "warn") return warn(`${UNPROTECTED}. It runs UNPROTECTED because onMissingPreload is "warn". ${way}`);
  if (process.uptime() > LONGEST_BOOT_S)
    return warn(`${UNPROTECTED}. It runs UNPROTECTED until its next start. ${way}`);
  refuse(`${UNPROTECTED}. It was not started. ${way}, or set onMissingPreload to "warn" to run unprotected`);
}

function modeOf(api: PluginApi): Settings["onMissingPreload"] {
  try {
    return readSettings(() => api.config).onMissingPreload;
  } catch (error) {
    warn(`the settings could not be read, so the strictest ones apply: ${reasonOf(error)}`);
    return STRICT_SETTINGS.onMissingPreload;
  }
}
