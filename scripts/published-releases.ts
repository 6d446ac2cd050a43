/** OpenClaw's packages as npm has them, downloaded on first use, not installed. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compare } from "semver";

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL("../.cache/packages/", import.meta.url));
const TIMEOUT_MS = 5 * 60_000;

/** All stable releases on npm, oldest first. */
export async function publishedReleases(): Promise<string[]> {
  const { stdout } = await run("npm", ["view", "openclaw", "versions", "--json"], { timeout: TIMEOUT_MS });
  return (JSON.parse(stdout) as string[]).filter((version) => /^\d{4}\.\d+\.\d+$/.test(version)).sort(compare);
}

/**
 * The folder of a release's package: its manifest and `dist`.
 *
 * @throws {Error} if npm does not have it
 */
export async function unpackedRelease(version: string, progress: (message: string) => void): Promise<string> {
  const folder = join(CACHE, version);
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  // Unpacked next door and renamed: a killed download leaves no half of a release.
  const scratch = await mkdtemp(join(CACHE, `${version}.partial-`));
  try {
    progress(`${version}: downloading …`);
    await run("npm", ["pack", `openclaw@${version}`, "--ignore-scripts", "--loglevel=error"], {
      cwd: scratch,
      timeout: TIMEOUT_MS,
    });
    const tarball = (await readdir(scratch)).find((name) => name.endsWith(".tgz"));
    if (tarball === undefined) throw new Error("npm pack left no tarball");
    await run(
      "tar",
      ["-xzf", tarball, "--exclude=*.map", "--exclude=package/dist/control-ui", "package/package.json", "package/dist"],
      {
        cwd: scratch,
      },
    );
    await rename(join(scratch, "package"), folder);
    return folder;
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    const lines = (stderr || message).split("\n");
    const reason = lines.find((line) => /No matching version|\bE[A-Z]+\b/.test(line)) ?? lines[0]!;
    throw new Error(`openclaw@${version} could not be had: ${reason.trim()}`, { cause: error });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
