/**
 * Writes the plugin's manifests from the settings schema: `npm run manifest`. With `--check` it writes
 * nothing and fails if they are not what it would write.
 */
import { readFile, writeFile } from "node:fs/promises";
import { pluginManifest, pluginPackage } from "../src/plugin/manifest.ts";

const root = new URL("../", import.meta.url);
const { version, license } = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as {
  version: string;
  license: string;
};
const files = {
  "plugin/openclaw.plugin.json": pluginManifest(version),
  "plugin/package.json": pluginPackage(version, license),
};
for (const [path, content] of Object.entries(files)) {
  const file = new URL(path, root);
  const text = `${JSON.stringify(content, null, 2)}\n`;
  if (!process.argv.includes("--check")) await writeFile(file, text);
  else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
    console.error(`${path} is out of date: run npm run manifest`);
    process.exitCode = 1;
  }
}
