/**
 * Some releases install what their plugins need when a gateway starts, by npm, and start only then. They do so once
 * for all gateways of a release here, with this machine's npm settings, of which their npm sees none in the
 * temporary home.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { inRange } from "../../../src/cli/versions.ts";
import type { Config } from "./gateway-config.ts";
import { ensureInstalled } from "./npm-folder.ts";
import type { Release } from "./release.ts";

const STAGES = ">=2026.4.20 <2026.5.2";
const run = promisify(execFile);

/**
 * Whether gateways of a release stage what plugins need, part of it in the release's own folder: two that do so at a
 * time disturb each other.
 */
export function stagesPlugins({ version }: Pick<Release, "version">): boolean {
  return inRange(version, STAGES);
}

/** What a gateway that stages its plugins needs. */
interface Staging {
  /** More for its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The Node that runs it; undefined if any does. */
  readonly node?: string;
  /** For its configuration, under what a test says. */
  readonly config?: Config;
}

/** Prepares a gateway's home. */
export async function prepareStaging(release: Release, home: string): Promise<Staging> {
  const { version, dir } = release;
  if (!stagesPlugins(release)) return { env: {} };
  const of = async (name: string): Promise<string> => (await run("npm", ["config", "get", name])).stdout.trim();
  const certificates = process.env["NODE_EXTRA_CA_CERTS"] ?? (await of("cafile"));
  const lines = [`registry=${await of("registry")}`, ...(certificates === "null" ? [] : [`cafile=${certificates}`])];
  await writeFile(join(home, ".npmrc"), `${lines.join("\n")}\n`);
  // Outside of the release's folder: there npm would take the release's own package for the one to install into.
  const staged = join(dir, "..", "..", "..", "staged");
  return {
    env: { OPENCLAW_PLUGIN_STAGE_DIR: join(staged, version) },
    node: await nodeNextToNpm(staged),
    // Otherwise a gateway is not ready before it has staged all of them, which takes minutes.
    config: { plugins: { enabled: false } },
  };
}

/** From 2026.4.26 on they look for npm nowhere but next to their Node, where the `node` package has none. */
async function nodeNextToNpm(staged: string): Promise<string> {
  const home = join(staged, `node-${process.version}`);
  const entry = join(home, "bin", "node");
  const fill = async (scratch: string): Promise<void> => {
    const packages = join(scratch, "lib", "node_modules");
    await mkdir(packages, { recursive: true });
    await mkdir(join(scratch, "bin"));
    await copyFile(process.execPath, join(scratch, "bin", "node"));
    const { stdout } = await run("sh", ["-c", "command -v npm"]);
    // From <npm>/bin/npm-cli.js
    await symlink(dirname(dirname(await realpath(stdout.trim()))), join(packages, "npm"));
  };
  await ensureInstalled({ what: "a Node next to npm", home, entry, fill });
  return entry;
}
