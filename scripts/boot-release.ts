/** Boots a release with the module and sees whether a bystander gets another's reply. */
import { setTimeout as sleep } from "node:timers/promises";
import { isolationRegister, withBed } from "../test/support/bed.ts";
import { ensureRelease } from "../test/support/release.ts";

const SETTLE_MS = 500;

/** @returns `isolated`, or what went wrong */
export async function bootResult(version: string, progress: (message: string) => void): Promise<string> {
  progress(`${version}: booting with the module …`);
  try {
    const release = await ensureRelease(version);
    return await withBed(release, { preload: isolationRegister() }, async (bed) => {
      const [talker, bystander] = [await bed.connect({ name: "talker" }), await bed.connect({ name: "bystander" })];
      const { runId } = await talker.chat("agent:main:seams", "[[say id=SEAMS n=6 delay=20]]");
      await talker.final(runId, 60_000);
      await sleep(SETTLE_MS);
      if (talker.eventsWith("SEAMS-").length === 0) return "its own reply did not arrive";
      return bystander.eventsWith("SEAMS-").length === 0 ? "isolated" : "LEAKS";
    });
  } catch (error) {
    return `failed: ${(error as Error).message.split("\n")[0]}`;
  }
}
