/** Proves a patch on real gateways: wrong on the control gateway, right with only the patch. */
import type { Release } from "../../test/support/gateway/release.ts";
import { applyPatch } from "./apply.ts";
import { openBundle } from "./base.ts";
import { runUpstreamTests, type TestRun } from "./bundle-tests.ts";
import type { Patch } from "./codemod.ts";
import { patchedCopy } from "./gateway-copy.ts";
import type { Scene } from "./reproducer.ts";

/** The results of a patch's reproducer and its tests for upstream's tree on one gateway. */
export interface Found {
  readonly wrong: readonly string[];
  readonly tests: TestRun;
  readonly seconds: number;
}

export interface Proof {
  readonly patch: string;
  readonly release: string;
  readonly proven: boolean;
  /** A scene could not be played: that says nothing of the patch. */
  readonly inconclusive?: boolean;
  /** One line for each finding. */
  readonly lines: readonly string[];
  /** From the start of its first gateway to the end of its last. */
  readonly seconds: number;
}

/** Runs a patch's reproducer and its tests for upstream's tree on a copy of a release. */
export async function examine(
  patch: Patch,
  reproducer: Scene,
  release: Release,
  apply: readonly Patch[],
): Promise<Found> {
  const started = Date.now();
  // The plain one is a copy too: the tests may need exports that a chunk does not have.
  const copy = patchedCopy(release, apply);
  try {
    for (const each of apply) {
      const { state } = applyPatch(openBundle(copy.release.dir), each, false);
      if (state !== "present") throw new Error(`${each.name} would be applied twice: ${state}`);
    }
    const wrong = await reproducer.problems(copy.release).catch((error: unknown) => {
      const which = apply.length === 0 ? "control gateway" : "patched";
      throw new Error(`${which}: the scene failed: ${(error as Error).message}`, { cause: error });
    });
    const tests = await runUpstreamTests(patch, copy.release.dir);
    return { wrong, tests, seconds: secondsSince(started) };
  } finally {
    copy.remove();
  }
}

/** Whether two findings prove a patch, and why not. */
export function judge(plain: Found, patched: Found): { proven: boolean; lines: string[] } {
  const proven =
    plain.wrong.length > 0 &&
    patched.wrong.length === 0 &&
    plain.tests.result !== "pass" &&
    patched.tests.result === "pass";
  const lines = [
    ...plain.wrong,
    ...(plain.wrong.length === 0 ? ["NOTHING WRONG: the reproducer finds no problem"] : []),
  ]
    .map((line) => `control gateway: ${line}`)
    .concat(patched.wrong.map((line) => `patched: STILL WRONG: ${line}`));
  if (patched.wrong.length === 0) lines.push("patched: nothing wrong");
  lines.push(`tests for upstream: ${plain.tests.summary} on the control gateway, ${patched.tests.summary} patched`);
  // What passes without the patch, or breaks before it has tested anything, proves nothing.
  if (plain.tests.result === "pass" || plain.tests.result === "broken") lines.push(plain.tests.output);
  if (patched.tests.result !== "pass") lines.push(patched.tests.output);
  lines.push(`control gateway ${plain.seconds} s, patched ${patched.seconds} s`);
  return { proven: proven && plain.tests.result !== "broken", lines };
}

export function secondsSince(started: number): number {
  return Math.round((Date.now() - started) / 1000);
}
