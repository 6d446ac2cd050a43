/**
 * Some releases install what their plugins need when a gateway starts, by npm, and start only then. They do so once
 * for all gateways of a release here, with this machine's npm settings, of which their npm sees none in the
 * temporary home.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { inRange } from "../../../src/cli/versions.ts";
import type { Release } from "./release.ts";

const STAGES = ">=2026.4.20 <2026.5.2";
const run = promisify(execFile);

/**
 * Prepares a gateway's home.
 *
 * @returns more for the gateway's environment
 */
export async function prepareStaging({ version, dir }: Release, home: string): Promise<Record<string, string>> {
  if (!inRange(version, STAGES)) return {};
  const of = async (name: string): Promise<string> => (await run("npm", ["config", "get", name])).stdout.trim();
  const certificates = process.env["NODE_EXTRA_CA_CERTS"] ?? (await of("cafile"));
  const lines = [`registry=${await of("registry")}`, ...(certificates === "null" ? [] : [`cafile=${certificates}`])];
  await writeFile(join(home, ".npmrc"), `${lines.join("\n")}\n`);
  // Outside of the release's folder: there npm would take the release's own package for the one to install into.
  return { OPENCLAW_PLUGIN_STAGE_DIR: join(dir, "..", "..", "..", "staged", version) };
}
