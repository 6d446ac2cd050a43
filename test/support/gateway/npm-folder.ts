/** What tests install from npm on first use: once for all processes, and never half. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const NPM_FLAGS = ["--ignore-scripts", "--omit=optional", "--omit=peer", "--no-fund", "--no-audit"];
/** What an install may take, a slow network included. */
const INSTALL_MS = 10 * 60_000;
/** A lock that is older has been left behind, so waiting for one ends. */
const LOCK_STALE_MS = INSTALL_MS + 60_000;

interface Wanted {
  /** For messages, e.g. `openclaw@2026.9.6`. */
  readonly what: string;
  /** The folder. */
  readonly home: string;
  /** A file in it that is there when all is. */
  readonly entry: string;
  /** Installs into another folder, which then becomes {@link home}. */
  fill(scratch: string): Promise<void>;
}

/**
 * Makes sure that something is installed. Safe to call from several processes.
 *
 * @returns true if this call installed it, false if it was there already
 * @throws {Error} if it cannot be installed, or its entry is missing then
 */
export async function ensureInstalled(wanted: Wanted): Promise<boolean> {
  const { what, home, entry } = wanted;
  if (existsSync(entry)) return false;
  await mkdir(dirname(home), { recursive: true });
  const unlock = await lock(`${home}.lock`);
  try {
    if (existsSync(entry)) return false;
    await install(wanted);
  } finally {
    await unlock();
  }
  if (!existsSync(entry)) throw new Error(`${what} was installed into ${home}, but its entry is missing`);
  return true;
}

async function install({ what, home, fill }: Wanted): Promise<void> {
  const startedAt = Date.now();
  process.stderr.write(`${what}: installing into ${home}\n`);
  // npm works next door and the result is renamed: a killed install leaves no half of it.
  const scratch = `${home}.partial-${randomUUID()}`;
  try {
    await fill(scratch);
    await rm(home, { recursive: true, force: true });
    await rename(scratch, home);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  process.stderr.write(`${what}: installed in ${Math.round((Date.now() - startedAt) / 1000)} s\n`);
}

/** Runs npm without scripts, and without optional and peer dependencies. */
export function npm(command: "ci" | "install", what: string, cwd: string): Promise<void> {
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
      else if (output.includes(`No matching version found for ${what}`)) reject(new Error(`${what} is not on npm`));
      else reject(new Error(`npm ${command} of ${what} ended with code ${code}:\n${output}`));
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
