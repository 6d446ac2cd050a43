/** A gateway that was started without the preload: says so, and ends it unless the settings allow it. */
import { dirname, join } from "node:path";
import { readSettings } from "../gateway/config.ts";
import { reasonOf, refuse, warn } from "../attach/log.ts";
import { type Settings, STRICT_SETTINGS } from "../policy/settings.ts";
import type { PluginApi } from "./api.ts";

/**
 * No gateway takes this long to boot. `plugins install` (2026.9) has just given an older one the plugin in the middle
 * of its work: that gateway keeps running, and only its next start is refused.
 */
const LONGEST_BOOT_S = 300;

const UNPROTECTED = "this gateway was started WITHOUT the preload: every client would get the events of every session";

/** Applies `onMissingPreload`. Returns if the gateway may go on unprotected. */
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
