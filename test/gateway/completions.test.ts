/**
 * The rows say whose command ended, and what kept a model from seeing its output: on the control gateway it never does,
 * or late. The module leaves alone what a release itself does right.
 */
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { capabilities } from "../support/gateway/capabilities.ts";
import type { Config } from "../support/gateway/gateway-config.ts";
import {
  type CompletionBed,
  fateOfOutput,
  openCompletionBed,
  raised,
  requestsWith,
  work,
  type Work,
} from "../support/scene/completions.ts";
import { postHook, wakeConfig } from "../support/scene/wake-scene.ts";

const { release } = inject("isolated");
const does = capabilities(release);

const SEEN_MS = 70_000;
const STRANDED_MS = 8_000;
/** The control gateway and the one with the module. */
async function beds(config: Config): Promise<[CompletionBed, CompletionBed]> {
  const open = async (isolated: boolean): Promise<CompletionBed> => {
    const bed = await openCompletionBed({ release, isolated, config });
    onTestFinished(() => bed.close());
    return bed;
  };
  return Promise.all([open(false), open(true)]);
}

/** Leaves a command behind on both, and says where its output got to. */
async function fates(
  [published, ours]: readonly [CompletionBed, CompletionBed],
  leave: (bed: CompletionBed) => Promise<Work>,
): Promise<{ published: string; ours: string; requests: number }> {
  const [left, own] = await Promise.all([leave(published), leave(ours)]);
  await Promise.all([raised(published, left), raised(ours, own)]);
  const [before, after] = await Promise.all([
    fateOfOutput(published, left, STRANDED_MS),
    fateOfOutput(ours, own, SEEN_MS),
  ]);
  return { published: before, ours: after, requests: requestsWith(ours, own.output) };
}

const ONCE = { requests: 1 };
const PATIENT = { timeout: 300_000 };

describe.runIf(does.bootsFast)("where no wake names a session", PATIENT, () => {
  test("the output of a chat session's command reaches that session, and that of a webhook's run the main session", async () => {
    const both = await beds(wakeConfig(release, {}));
    const chat = await fates(both, async (bed) => {
      const left = work();
      await bed.admin.chat("agent:main:web:a", left.order);
      return left;
    });
    expect(chat).toEqual({ published: "waits agent:main:web:a", ours: "seen agent:main:web:a", ...ONCE });

    const hook = await fates(both, async (bed) => {
      const left = work();
      await postHook(bed.gateway.port, "agent", { message: left.order, deliver: false });
      return left;
    });
    expect(hook).toMatchObject({ ours: "seen agent:main:main", ...ONCE });
    expect(hook.published).toMatch(/^waits agent:main:hook:/);
  });
});
