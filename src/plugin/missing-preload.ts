/** A gateway that was started without the preload: says so, and ends it unless the settings allow it. */
import { dirname, join } from "node:path";
import { readSettings } from "../gateway/config.ts";
import { reasonOf, refuse, warn } from "../attach/log.ts";
import { type Settings, STRICT_SETTINGS } from "../policy/settings.ts";
import type { PluginApi } from "./api.ts";
import { MESSAGES } from "../messages.ts";

/**
 * No gateway takes this long to boot. `plugins install` (2026.9) has just given an older one the plugin in the middle
 * of its work: that gateway keeps running, and only its next start is refused.
 */
const LONGEST_BOOT_S = 300;

/** Applies `onMissingPreload`. Returns if the gateway may go on unprotected. */
export function missingPreload(api: PluginApi): void {
  // Not the code's own address: 2026.9 runs a copy of the code.
  const folder = api.rootDir ?? dirname(dirname(api.source));
  const preload = join(folder, "dist", "register.js");
  const mode = modeOf(api);
  if (mode === "warn") return warn(MESSAGES.missingPreloadAllowed(preload));
  if (process.uptime() > LONGEST_BOOT_S) return warn(MESSAGES.missingPreloadUntilRestart(preload));
  refuse(MESSAGES.missingPreload(preload));
}

function modeOf(api: PluginApi): Settings["onMissingPreload"] {
  try {
    return readSettings(() => api.config).onMissingPreload;
  } catch (error) {
    warn(MESSAGES.settingsUnreadable(reasonOf(error)));
    return STRICT_SETTINGS.onMissingPreload;
  }
}
