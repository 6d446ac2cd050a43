/** Plays the scenes of the matrix on one release, without the module and with it. */
import { readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import type { Measured, Outcome, ReleaseMeasured } from "../../src/report/promises.ts";
import { lostChecks, worseChecks } from "../../src/report/promises.ts";
import { ensureRelease, type Release } from "../../test/support/gateway/release.ts";
import { stagesPlugins } from "../../test/support/gateway/staging.ts";
import { type Stage, STAGES } from "../../test/support/scene/promise-scenes.ts";
import { firstRun } from "./first-run.ts";

export interface Bench {
  /** Runs a job when a gateway more may run on this machine. */
  whenFree<T>(job: () => Promise<T>): Promise<T>;
  progress(message: string): void;
  /** Names the module's code. */
  readonly code: string;
  /** Keeps what is measured so far, in case of an interruption. */
  keep(version: string, measured: ReleaseMeasured): void;
}

/** Which halves of a release to measure anew. */
export interface Wanted {
  readonly published: boolean;
  readonly module: boolean;
}

/**
 * Measures what is missing for a release.
 *
 * A check that is right without the module and wrong with it, or was right with the module before, is repeated once on
 * both: it counts if the outcome is the same.
 *
 * @param known the earlier measurements
 */
export async function measure(
  bench: Bench,
  version: string,
  wanted: Wanted,
  known: ReleaseMeasured,
): Promise<ReleaseMeasured> {
  const release = await ensureRelease(version);
  if (stagesPlugins(release)) {
    bench.progress(`${version}: its first run stages what its plugins need`);
    await bench.whenFree(() => firstRun(release));
  }
  let both: ReleaseMeasured = { ...known, node: nodeOf(release), fails: undefined };
  const measured = (more: ReleaseMeasured): void => bench.keep(version, (both = { ...both, ...more }));
  const published = async (): Promise<void> => {
    const found = await half(bench, release, false, STAGES);
    measured(
      typeof found === "string" ? { published: undefined, module: undefined, fails: found } : { published: found },
    );
  };
  const module = async (): Promise<void> => {
    const found = await half(bench, release, true, STAGES);
    measured({ module: typeof found === "string" ? notBooted(bench, found) : found });
  };
  await Promise.all([...(wanted.published ? [published()] : []), ...(wanted.module ? [module()] : [])]);
  if (both.fails !== undefined) return isBusy() ? known : { node: both.node, fails: both.fails };
  const wrong = [...new Set([...worseChecks(both), ...lostChecks(known.module, both.module)])];
  return wrong.length > 0 && wanted.module ? await again(bench, release, both, wrong) : both;
}

/** Some gateways at a time are what it is made for. */
const BUSY_LOAD = 3;

function isBusy(): boolean {
  return loadavg()[0]! > BUSY_LOAD * availableParallelism();
}

/** @returns what was measured, or why the gateway did not boot */
async function half(
  bench: Bench,
  release: Release,
  isolated: boolean,
  stages: readonly Stage[],
): Promise<Measured | string> {
  const played = await Promise.all(stages.map((stage) => bench.whenFree(() => play(bench, release, isolated, stage))));
  const failed = played.find((each) => typeof each === "string");
  if (failed !== undefined) return failed;
  return {
    at: new Date().toISOString().slice(0, 10),
    ...(isolated ? { code: bench.code } : {}),
    ...(isBusy() ? { busy: true } : {}),
    checks: Object.assign({}, ...(played as object[])) as Measured["checks"],
  };
}

async function play(
  bench: Bench,
  release: Release,
  isolated: boolean,
  stage: Stage,
): Promise<Record<string, Outcome> | string> {
  const startedAt = Date.now();
  const checks: Record<string, Outcome> = {};
  const which = isolated ? "with the module" : "without the module";
  let end = "";
  try {
    await stage.play(release, isolated, (check, outcome) => (checks[check] = outcome));
  } catch (error) {
    const [line = ""] = (error as Error).message.split("\n", 1);
    if (/ended while booting|not ready after/.test(line)) {
      bench.progress(`${release.version} ${which}: ${(error as Error).message}`);
      return reasonIn((error as Error).message);
    }
    end = line;
  }
  for (const check of stage.checks) checks[check] ??= `the scene ended early: ${end}`;
  const wrong = Object.entries(checks).filter(([, outcome]) => outcome !== true);
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  bench.progress(
    `${release.version} ${which}: ${stage.name}, ${seconds} s, ${wrong.length} of ${stage.checks.length} wrong`,
  );
  for (const [check, outcome] of wrong) bench.progress(`  ${release.version} ${which}: ${check}: ${outcome}`);
  return Object.fromEntries(stage.checks.map((check) => [check, checks[check]!]));
}

/** The line of a gateway's output that says why it did not boot. */
function reasonIn(message: string): string {
  const lines = message.split("\n").map((line) => line.trim());
  const reason = lines.find((line) => /\b(?:Error|error|Cannot|ERR_)\b|ERR_/.test(line)) ?? lines[0]!;
  return `${lines[0]!.replace(/^openclaw@\S+ /, "")}: ${reason}`.slice(0, 240);
}

function notBooted(bench: Bench, reason: string): Measured {
  const outcome = `does not boot with the module: ${reason}`;
  const checks = STAGES.flatMap((stage) => stage.checks.map((check) => [check, outcome]));
  return {
    at: new Date().toISOString().slice(0, 10),
    code: bench.code,
    checks: Object.fromEntries(checks) as Measured["checks"],
  };
}

async function again(
  bench: Bench,
  release: Release,
  { node, published, module }: ReleaseMeasured,
  wrong: readonly string[],
): Promise<ReleaseMeasured> {
  bench.progress(
    `${release.version}: once more on both, since ${wrong.join(", ")} came out worse than before or without`,
  );
  const stages = STAGES.filter((stage) => stage.checks.some((check) => wrong.includes(check)));
  const [control, repeated] = await Promise.all([
    half(bench, release, false, stages),
    half(bench, release, true, stages),
  ]);
  const merged = (before: Measured, after: Measured | string, best: boolean): Measured => {
    const checks: Record<string, Outcome> = { ...before.checks };
    for (const check of wrong) {
      const now = typeof after === "string" ? after : after.checks[check]!;
      if ((now === true) === best) checks[check] = now;
    }
    return { ...before, checks };
  };
  // On the control gateway one failure counts; with the module one success counts, since the machine may have caused the failure.
  return { node, published: merged(published!, control, false), module: merged(module!, repeated, true) };
}

function nodeOf({ dir }: Release): string | undefined {
  const { engines } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as { engines?: { node?: string } };
  return engines?.node;
}
