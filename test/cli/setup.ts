/**
 * Before any case of the command runs: packs the package and installs the tarball as `npm install
 * --global` does, into its own folder, with the OpenClaw under test next to it.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { releaseUnderTest } from "../gateway/release-under-test.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { PROGRAM_MS } from "../support/within.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A global npm prefix with both packages; `bin` is what a user has in PATH. */
    prefix: string;
    /** The OpenClaw in it. */
    openclaw: { readonly version: string; readonly dir: string; readonly entry: string };
  }
}

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const prefix = await mkdtemp(join(tmpdir(), "event-isolation-prefix-"));
  const remove = (): Promise<void> => rm(prefix, { recursive: true, force: true });
  try {
    execFileSync("npm", ["run", "--silent", "build"], { cwd: ROOT, stdio: "inherit", timeout: PROGRAM_MS });
    await run("npm", ["pack", "--ignore-scripts", "--pack-destination", prefix], { cwd: ROOT, timeout: PROGRAM_MS });
    const tarball = (await readdir(prefix)).find((name) => name.endsWith(".tgz"))!;
    const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
    await run("npm", ["install", "--global", "--prefix", prefix, ...flags, join(prefix, tarball)], {
      cwd: prefix,
      timeout: PROGRAM_MS,
    });
    // As npm would have linked it; OpenClaw itself is 600 MB and already there.
    const { version, dir, entry } = await ensureRelease(releaseUnderTest(project));
    await symlink(dir, join(prefix, "lib/node_modules/openclaw"));
    await symlink("../lib/node_modules/openclaw/openclaw.mjs", join(prefix, "bin/openclaw"));
    project.provide("prefix", prefix);
    project.provide("openclaw", { version, dir, entry });
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}
