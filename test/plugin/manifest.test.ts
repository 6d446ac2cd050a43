import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pluginManifest, pluginPackage } from "../../src/plugin/manifest.ts";
import { settingsSchema } from "../../src/policy/settings.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => JSON.parse(readFileSync(new URL(path, root), "utf8")) as Record<string, unknown>;
const own = read("package.json") as { version: string; license: string; files: string[] };

test("the committed manifests match the settings schema and this version", () => {
  expect(read("plugin/openclaw.plugin.json")).toEqual(JSON.parse(JSON.stringify(pluginManifest(own.version))));
  expect(read("plugin/package.json")).toEqual(pluginPackage(own.version, own.license));
  expect(own.files).toContain("plugin");
});

test("the manifest's id, package name and entry are what all releases expect", () => {
  const manifest = pluginManifest("1.2.3") as { id: string; configSchema: object; activation: object };
  expect(manifest).toMatchObject({ id: "event-isolation", configSchema: settingsSchema, version: "1.2.3" });
  // 2026.2 takes the package's name for the id; 2026.5 and newer load it at start only if told so.
  expect(pluginPackage("1.2.3", "MIT")).toMatchObject({ name: manifest.id });
  expect(manifest.activation).toEqual({ onStartup: true });
  expect(pluginPackage("1.2.3", "MIT")).not.toHaveProperty("dependencies");
});

test("every setting in the manifest has a label, and its description as help", () => {
  const { uiHints } = pluginManifest("1.2.3") as { uiHints: Record<string, object> };
  expect(uiHints["limits.claimsPerConnection"]).toEqual({
    label: "Claims per connection",
    help: settingsSchema.properties.limits.properties.claimsPerConnection.description,
    advanced: true,
  });
  expect(Object.keys(uiHints)).toEqual(expect.arrayContaining(Object.keys(settingsSchema.properties)));
});
