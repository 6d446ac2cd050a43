/** Before any client runs: installs the clients and boots two gateways, one without the module and one with it. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { releaseUnderTest } from "../gateway/release-under-test.ts";
import { isolationRegister, openBed } from "../support/gateway/bed.ts";
import { toolsWithoutQuestions } from "../support/gateway/capabilities.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { PROGRAM_MS } from "../support/within.ts";
import { ensureClients } from "./packages.ts";

const COPY_MS = 500;

declare module "vitest" {
  interface ProvidedContext {
    /** Files of the gateway with the module: its configuration, and what it prints. */
    files: { readonly config: string; readonly log: string };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit", timeout: PROGRAM_MS });
  await ensureClients();
  const release = await ensureRelease(releaseUnderTest());
  const config = { tools: toolsWithoutQuestions(release) };
  const plain = await openBed(release, { config });
  const isolated = await openBed(release, { config, preload: isolationRegister() }).catch(async (error: unknown) => {
    await plain.close();
    throw error;
  });
  for (const [name, { gateway }] of Object.entries({ plain, isolated })) {
    const { url, token } = gateway;
    project.provide(name as "plain" | "isolated", { url, token, release });
  }
  const { configPath, stateDir } = isolated.gateway;
  // What it prints: not all releases copy that into their own log.
  const log = join(stateDir, "printed.log");
  const copy = (): void => writeFileSync(log, isolated.gateway.logs());
  copy();
  const copying = setInterval(copy, COPY_MS);
  project.provide("files", { config: configPath, log });
  return async () => {
    clearInterval(copying);
    await Promise.all([plain.close(), isolated.close()]);
  };
}
