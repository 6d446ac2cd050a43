/** Boots a release with the module and sees whether a bystander gets another's reply. */
import { setTimeout as sleep } from "node:timers/promises";
import { isolationRegister, withBed } from "../test/support/gateway/bed.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";

const SETTLE_MS = 500;
const REPLY_MS = 60_000;

/** What a boot has shown; the last one says nothing of the module. */
export type BootResult = "isolated" | "LEAKS" | "fails with the module" | "fails here as published too";

/** Installs and boots a release; what fails with the module is tried without it. */
export async function bootResult(version: string, progress: (message: string) => void): Promise<BootResult> {
  progress(`${version}: booting with the module …`);
  const release = await ensureRelease(version);
  try {
    return (await bystanderSees(release, isolationRegister())) ? "LEAKS" : "isolated";
  } catch (error) {
    progress(`${version}: ${firstLine(error)}; booting as published …`);
  }
  try {
    await bystanderSees(release, undefined);
    return "fails with the module";
  } catch (error) {
    progress(`${version}: ${firstLine(error)}`);
    return "fails here as published too";
  }
}

/** @throws {Error} if the gateway does not boot, or does not answer its own client */
async function bystanderSees(release: Release, preload: string | undefined): Promise<boolean> {
  return withBed(release, preload ? { preload } : {}, async (bed) => {
    const [talker, bystander] = [await bed.connect({ name: "talker" }), await bed.connect({ name: "bystander" })];
    const { runId } = await talker.chat("agent:main:seams", "[[say id=SEAMS n=6 delay=20]]");
    await talker.final(runId, REPLY_MS);
    await sleep(SETTLE_MS);
    if (talker.eventsWith("SEAMS-").length === 0) throw new Error("its own reply did not arrive");
    return bystander.eventsWith("SEAMS-").length > 0;
  });
}

function firstLine(error: unknown): string {
  return (error as Error).message.split("\n", 1)[0]!.slice(0, 200);
}
