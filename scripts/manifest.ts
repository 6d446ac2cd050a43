/** Writes the plugin's manifests from the settings schema. */
import { readFile, writeFile } from "node:fs/promises";
import { pluginManifest, pluginPackage } from "../src/plugin/manifest.ts";
import { runScript, script } from "./options.ts";

const command = script("manifest", "Writes the plugin's manifests from the settings schema.", [
  "they are up to date, or were written",
  "with --check: they are not up to date",
]).option("--check", "write nothing");

const root = new URL("../", import.meta.url);

async function main({ check }: { check?: true }): Promise<number> {
  const { version, license } = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as {
    version: string;
    license: string;
  };
  const files = {
    "plugin/openclaw.plugin.json": pluginManifest(version),
    "plugin/package.json": pluginPackage(version, license),
  };
  let outdated = 0;
  for (const [path, content] of Object.entries(files)) {
    const file = new URL(path, root);
    const text = `${JSON.stringify(content, null, 2)}\n`;
    if (!check) await writeFile(file, text);
    else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
      process.stderr.write(`${path} is out of date: run npm run manifest\n`);
      outdated += 1;
    }
  }
  return outdated > 0 ? 1 : 0;
}

await runScript(command, main);
