/** The manifests that OpenClaw reads before it loads the plugin's code. `npm run manifest` writes it to `plugin/`. */
import type { Schema } from "../policy/schema.ts";
import { settingsSchema } from "../policy/settings.ts";
import type { CommandDescriptor } from "./api.ts";

/** The key of its entry in `plugins.entries`. Up to 2026.4 the plugin's package must have the same name. */
export const PLUGIN_ID = "event-isolation";

const DESCRIPTION =
  "Delivers session events only to the connections that ask for the session. Needs the preload dist/register.js.";

export const ISOLATION_COMMAND: CommandDescriptor = {
  name: "isolation",
  description: "Event isolation of the gateway",
  hasSubcommands: true,
};

/** `openclaw.plugin.json`: id, settings schema and hints for forms; each release uses what it knows. */
export function pluginManifest(version: string): object {
  return {
    id: PLUGIN_ID,
    name: "Event isolation",
    description: DESCRIPTION,
    version,
    activation: { onStartup: true }, // from 2026.5 on it would not be loaded at start otherwise
    cliCommands: [ISOLATION_COMMAND],
    configSchema: settingsSchema,
    uiHints: Object.fromEntries(hints(settingsSchema, "")),
  };
}

/** `package.json` of the plugin: no dependencies, so that installing it needs no registry. */
export function pluginPackage(version: string, license: string): object {
  return {
    name: PLUGIN_ID,
    version,
    private: true,
    description: DESCRIPTION,
    license,
    files: ["dist", "openclaw.plugin.json"],
    type: "module",
    main: "./dist/plugin.js",
    openclaw: { extensions: ["./dist/plugin.js"] },
  };
}

function hints(schema: Schema, path: string): [string, object][] {
  if (schema.type !== "object") return [];
  return Object.entries(schema.properties).flatMap(([name, property]): [string, object][] => {
    const at = path === "" ? name : `${path}.${name}`;
    const { description } = property;
    const advanced = at.startsWith("limits");
    const hint = { label: words(name), ...(description && { help: description }), ...(advanced && { advanced }) };
    return [[at, hint], ...hints(property, at)];
  });
}

/** `claimsPerConnection` as `Claims per connection`. */
function words(name: string): string {
  const spaced = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
