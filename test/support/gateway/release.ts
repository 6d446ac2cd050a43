/** Published OpenClaw releases, installed on first use into a cache that every test run shares. */
import { existsSync, readdirSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compare } from "semver";
import { ensureInstalled, npm } from "./npm-folder.ts";
import { manifestFor } from "./installs.ts";

export type Release = {
  readonly version: string;
  /** Folder of the `openclaw` package. */
  readonly dir: string;
  /** Its command, `openclaw.mjs`. */
  readonly entry: string;
  /** True if this call installed it, false if it was already there. */
  readonly installed: boolean;
};

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));
const PINNED = fileURLToPath(new URL("../../gateways/", import.meta.url));

/** Releases that have a lockfile in test/gateways, oldest first. */
export const PINNED_RELEASES: readonly string[] = readdirSync(PINNED, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort(compare);

/** Where what is installed for tests goes, shared by all test runs. */
export function cacheFolder(): string {
  return process.env["OPENCLAW_GATEWAYS_DIR"] ?? join(PROJECT, ".cache", "gateways");
}

/** Makes sure that a release is installed, and says where. Safe to call from several processes. */
export async function ensureRelease(version: string): Promise<Release> {
  const dir = join(cacheFolder(), version, "node_modules", "openclaw");
  const entry = join(dir, "openclaw.mjs");
  const installed = await ensureInstalled({
    what: `openclaw@${version}`,
    home: join(cacheFolder(), version),
    entry,
    fill: (scratch) => npmInstall(version, scratch),
  });
  return { version, dir, entry, installed };
}

async function npmInstall(version: string, scratch: string): Promise<void> {
  const pinned = join(PINNED, version);
  if (existsSync(pinned)) {
    await mkdir(scratch, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) await copyFile(join(pinned, file), join(scratch, file));
    await npm("ci", `openclaw@${version}`, scratch);
    return;
  }
  await mkdir(scratch, { recursive: true });
  const manifest = { name: "openclaw-gateway", private: true, type: "module", ...manifestFor(version) };
  await writeFile(join(scratch, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await npm("install", `openclaw@${version}`, scratch);
}
