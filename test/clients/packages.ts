/** Clients that others wrote, from npm: the pinned ones of `npm/`, installed on first use. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ensureInstalled, npm } from "../support/gateway/npm-folder.ts";
import { cacheFolder } from "../support/gateway/release.ts";

const PINNED = fileURLToPath(new URL("npm/", import.meta.url));
const MANIFESTS = ["package.json", "package-lock.json"];

/** Installs the clients, if they are not there. @returns the folder that has them in `node_modules` */
export async function ensureClients(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of MANIFESTS) hash.update(readFileSync(join(PINNED, file)));
  const home = join(cacheFolder(), `clients-${hash.digest("hex").slice(0, 12)}`);
  await ensureInstalled({
    what: "the clients of test/clients/npm",
    home,
    entry: join(home, "node_modules", "openclaw-node", "package.json"),
    async fill(scratch) {
      await mkdir(scratch, { recursive: true });
      for (const file of MANIFESTS) await copyFile(join(PINNED, file), join(scratch, file));
      // Not `ci`: the lockfile cannot name the optional parts of acpx that are not on every registry.
      await npm("install", "the clients of test/clients/npm", scratch);
    },
  });
  return home;
}

/**
 * Loads a module of one of the clients.
 *
 * @param file below `node_modules`, e.g. `openclaw-node/dist/index.mjs`
 */
export async function clientModule<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(join(await ensureClients(), "node_modules", file)).href)) as T;
}
