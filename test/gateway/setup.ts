/**
 * Before any gateway case runs: builds the package, installs the release under test, and boots
 * two gateways of it that the cases share, one without the module and one with it.
 */
import { execFileSync } from "node:child_process";
import type { TestProject } from "vitest/node";
import { openBed } from "../support/gateway/bed.ts";
import type { Endpoint } from "../support/wire/clients.ts";
import { toolsWithoutQuestions } from "../support/gateway/capabilities.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { isolated as isolatedBy, isolatedRelease } from "./isolated-by.ts";
import { releaseUnderTest } from "./release-under-test.ts";
import { PROGRAM_MS } from "../support/within.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The control gateway. */
    plain: Endpoint;
    /** The gateway with the module. */
    isolated: Endpoint;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit", timeout: PROGRAM_MS });
  const release = await ensureRelease(releaseUnderTest(project));
  const config = {
    tools: toolsWithoutQuestions(release),
    agents: { list: [{ id: "main", default: true }, { id: "other" }, { id: "other-desk" }] },
  };
  const copy = await isolatedRelease(release);
  const plain = await openBed(release, { config });
  const isolated = await openBed(copy.release, await isolatedBy({ config })).catch(async (error: unknown) => {
    await plain.close();
    copy.remove();
    throw error;
  });
  for (const [name, { gateway }] of Object.entries({ plain, isolated })) {
    const { url, token } = gateway;
    project.provide(name as "plain" | "isolated", { url, token, release: gateway.release });
  }
  return async () => {
    await Promise.all([plain.close(), isolated.close()]);
    copy.remove();
  };
}
