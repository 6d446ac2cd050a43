/** Published OpenClaw releases, installed on first use into a cache that every test run shares. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { compare } from "semver";
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
const NPM_FLAGS = ["--ignore-scripts", "--omit=optional", "--omit=peer", "--no-fund", "--no-audit"];
/** What an install may take, a slow network included. */
const INSTALL_MS = 10 * 60_000;
/** A lock that is older has been left behind, so waiting for one ends. */
const LOCK_STALE_MS = INSTALL_MS + 60_000;

/** Releases that have a lockfile in test/gateways, oldest first. */
export const PINNED_RELEASES: readonly string[] = readdirSync(PINNED, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort(compare);

/** Makes sure that a release is installed, and says where. Safe to call from several processes. */
export async function ensureRelease(version: string): Promise<Release> {
  const root = process.env["OPENCLAW_GATEWAYS_DIR"] ?? join(PROJECT, ".cache", "gateways");
  const home = join(root, version);
  const present = locate(version, home, false);
  if (present) return present;

  await mkdir(root, { recursive: true });
  const unlock = await lock(`${home}.lock`);
  try {
    const meanwhile = locate(version, home, false);
    if (meanwhile) return meanwhile;
    await install(version, home);
  } finally {
    await unlock();
  }
  const release = locate(version, home, true);
  if (!release) throw new Error(`openclaw@${version} was installed into ${home}, but its entry is missing`);
  return release;
}

function locate(version: string, home: string, installed: boolean): Release | undefined {
  const dir = join(home, "node_modules", "openclaw");
  const entry = join(dir, "openclaw.mjs");
  return existsSync(entry) ? { version, dir, entry, installed } : undefined;
}

async function install(version: string, home: string): Promise<void> {
  const startedAt = Date.now();
  process.stderr.write(`openclaw@${version}: installing into ${home}\n`);
  // npm works next door and the result is renamed: a killed install leaves no half of a release.
  const scratch = `${home}.partial-${randomUUID()}`;
  try {
    await npmInstall(version, scratch);
    await rm(home, { recursive: true, force: true });
    await rename(scratch, home);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  process.stderr.write(`openclaw@${version}: installed in ${Math.round((Date.now() - startedAt) / 1000)} s\n`);
}

async function npmInstall(version: string, scratch: string): Promise<void> {
  const pinned = join(PINNED, version);
  if (existsSync(pinned)) {
    await mkdir(scratch, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) await copyFile(join(pinned, file), join(scratch, file));
    await npm("ci", version, scratch);
    return;
  }
  await mkdir(scratch, { recursive: true });
  const manifest = { name: "openclaw-gateway", private: true, type: "module", ...manifestFor(version) };
  await writeFile(join(scratch, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await npm("install", version, scratch);
}

/** Runs npm as the gateways need it: no scripts, no optional or peer dependencies. */
function npm(command: "ci" | "install", version: string, cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("npm", [command, "--prefix", cwd, ...NPM_FLAGS], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: INSTALL_MS,
    });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-4000);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`npm ${command} of openclaw@${version} ended with code ${code}:\n${output}`));
    });
  });
}

/** Takes a lock folder, waiting for a living owner and removing that of a dead one. */
async function lock(path: string): Promise<() => Promise<void>> {
  const owner = join(path, "pid");
  for (;;) {
    try {
      await mkdir(path);
      await writeFile(owner, String(process.pid));
      return () => rm(path, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (await isStale(path, owner)) await rm(path, { recursive: true, force: true });
    else await sleep(500);
  }
}

async function isStale(path: string, owner: string): Promise<boolean> {
  const age = await stat(path).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  );
  if (age > LOCK_STALE_MS) return true;
  const pid = Number(await readFile(owner, "utf8").catch(() => ""));
  // Between mkdir and writeFile the owner is unknown for a moment: that is not stale.
  if (!pid) return age > 5000;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
