/**
 * Before any gateway case runs: builds the package, installs the release under test, and boots
 * two gateways of it that the cases share, one without the module and one with it.
 */
import { execFileSync } from "node:child_process";
import type { TestProject } from "vitest/node";
import { type OpenBed, openBed } from "../support/gateway/bed.ts";
import type { Endpoint } from "../support/wire/clients.ts";
import { toolsWithoutQuestions } from "../support/gateway/capabilities.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { stateProbe } from "../support/gateway/state.ts";
import { isolated as isolatedBy, isolatedRelease } from "./isolated-by.ts";
import { releaseUnderTest } from "./release-under-test.ts";
import { PROGRAM_MS } from "../support/within.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The control gateway. */
    plain: Endpoint;
    /** The gateway with the module. */
    isolated: Endpoint;
    /** Port of the latter's state probe. */
    statePort: number;
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
  const probe = await stateProbe();
  const booted = await Promise.allSettled([
    openBed(release, { config }),
    isolatedBy({ config, env: probe.env }).then((options) => openBed(copy.release, options)),
  ]);
  const close = async (): Promise<void> => {
    await Promise.all(booted.map(async (each) => each.status === "fulfilled" && each.value.close()));
    copy.remove();
  };
  const failed = booted.find((each) => each.status === "rejected");
  if (failed) {
    await close();
    throw failed.reason;
  }
  const [plain, isolated] = booted.map((each) => (each as PromiseFulfilledResult<OpenBed>).value) as [OpenBed, OpenBed];
  for (const [name, { gateway }] of Object.entries({ plain, isolated })) {
    const { url, token } = gateway;
    project.provide(name as "plain" | "isolated", { url, token, release: gateway.release });
  }
  project.provide("statePort", probe.port);
  return close;
}
