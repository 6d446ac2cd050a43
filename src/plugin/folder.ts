import { dirname } from "node:path";
import type { PluginApi } from "./api.ts";

/** Where the plugin is installed. 2026.9 runs a copy of its code, so the code's own address does not tell. */
export function pluginFolder(api: PluginApi): string {
  return api.rootDir ?? dirname(dirname(api.source));
}
