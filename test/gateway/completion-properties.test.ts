/**
 * In no configuration of agents, heartbeats, active hours, session scope and HEARTBEAT.md is the output of a command
 * lost, and nothing is worse than on the control gateway.
 *
 * Each gateway has ten agents, and each agent is a draw. `COMPLETION_DRAWS=300 COMPLETION_SEED=<n>` draws more, or
 * repeats a run. Only on releases that boot in seconds.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { capabilities } from "../support/gateway/capabilities.ts";
import {
  type CompletionBed,
  leaveByCron,
  openCompletionBed,
  queuesOf,
  raised,
  requestsWith,
  work,
  type Work,
} from "../support/scene/completions.ts";

const { release } = inject("isolated");

const AGENTS = 10;
const DRAWS = Number(process.env["COMPLETION_DRAWS"] ?? 40);
const SEED = Number(process.env["COMPLETION_SEED"] ?? Date.now() % 1_000_000);
const SEEN_MS = 120_000;
/** Longer than the module leaves the release alone, so that what still waits would have been tried. */
const TRIED_MS = 8_000;

/** Hours that begin after any run of this file. */
const NOT_NOW = { start: hourIn(3), end: hourIn(5), timezone: "UTC" };

function hourIn(hours: number): string {
  return `${new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 13)}:00`;
}

const block = fc.record(
  {
    every: fc.constantFrom("0", "6h", "30m"),
    session: fc.constantFrom("main", "watch"),
    target: fc.constantFrom("none", "last"),
    prompt: fc.constant("Look at the inbox."),
    activeHours: fc.constantFrom({ start: "00:00", end: "24:00" }, { start: "12:00", end: "12:00" }, NOT_NOW),
  },
  { requiredKeys: [] },
);
const agent = fc.record({
  heartbeat: fc.option(block, { nil: undefined }),
  file: fc.constantFrom(undefined, "", "# HEARTBEAT.md\n\n# Keep this file empty\n", "# Tasks\n- look at the inbox\n"),
  /** The run that leaves the command behind. */
  by: fc.constantFrom("cron", "cron", "chat"),
});
const world = fc.record({
  defaults: block,
  scope: fc.constantFrom("per-sender", "global"),
  agents: fc.array(agent, { minLength: AGENTS, maxLength: AGENTS }),
});

type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

const idOf = (index: number): string => (index === 0 ? "main" : `agent${index}`);
const chatOf = (index: number): string => `agent:${idOf(index)}:web:a`;

/** Boots a gateway with the agents of a world, each with a workspace of its own. */
async function openWorld({ defaults, scope, agents }: World, isolated: boolean): Promise<CompletionBed> {
  const folder = await mkdtemp(join(tmpdir(), "agents-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  for (const [index, { file }] of agents.entries()) {
    await mkdir(join(folder, String(index)));
    if (file !== undefined) await writeFile(join(folder, String(index), "HEARTBEAT.md"), file);
  }
  const list = agents.map(({ heartbeat }, index) => ({
    id: idOf(index),
    ...(index === 0 ? { default: true } : {}),
    workspace: join(folder, String(index)),
    ...(heartbeat ? { heartbeat } : {}),
  }));
  const config = { agents: { defaults: { heartbeat: defaults }, list }, session: { scope } };
  const bed = await openCompletionBed({ release, isolated, config });
  onTestFinished(() => bed.close());
  return bed;
}

/** Has each agent leave a command behind, and waits until each has ended. */
async function leaveAll(bed: CompletionBed, { agents }: World): Promise<readonly Work[]> {
  const all: Work[] = [];
  for (const [index, { by }] of agents.entries()) {
    const left = by === "cron" ? await leaveByCron(bed, idOf(index)) : work();
    if (by === "chat") await bed.admin.chat(chatOf(index), left.order);
    all.push(left);
  }
  for (const left of all) await raised(bed, left);
  return all;
}

/** Where the output of each agent's command is, and how many requests hold it. */
async function fatesOf(bed: CompletionBed, all: readonly Work[]): Promise<string[]> {
  const fates = [];
  for (const [index, left] of all.entries()) {
    const { waits, taken } = await queuesOf(bed, left);
    const seen = requestsWith(bed, left.output);
    const state = seen > 0 ? "seen" : waits.length > 0 ? "waits" : "lost";
    fates.push(`${idOf(index)} ${state} ${[...new Set([...waits, ...taken])].join(" ")} ${seen}`);
  }
  return fates;
}

/** Asks until no fate is wrong, and at least until what waits has been tried. */
async function wrongFates(bed: CompletionBed, all: readonly Work[], drawn: World): Promise<string[]> {
  const right = rightFates(drawn);
  await sleep(TRIED_MS);
  for (const deadline = Date.now() + SEEN_MS; ; await sleep(500)) {
    const wrong = (await fatesOf(bed, all)).filter((fate, index) => !right[index]!.includes(fate));
    if (Date.now() > deadline || wrong.length === 0) return wrong;
  }
}

/** The possible ends of each: seen once in the session that it belongs to, or kept there while its agent is not active. */
function rightFates({ defaults, scope, agents }: World): string[][] {
  return agents.map(({ heartbeat, by }, index) => {
    const global = by === "cron" && scope === "global";
    const queue = by === "chat" ? chatOf(index) : global ? "global" : `agent:${idOf(index)}:main`;
    const [seen, waits] = [`${idOf(index)} seen ${queue} 1`, `${idOf(index)} waits ${queue} 0`];
    const active = (heartbeat?.activeHours ?? defaults.activeHours) !== NOT_NOW;
    // Of a queue that agents share, an active one may have taken it.
    return active ? [seen] : global ? [seen, waits] : [waits];
  });
}

/** A message to a chat of each agent; the ids of those whose answer is not whole. */
async function unanswered({ admin }: CompletionBed, { agents }: World): Promise<string[]> {
  const answers = await Promise.all(
    agents.map(async (_, index) => {
      const { runId } = await admin.chat(chatOf(index), `[[say id=Q${index} n=2]]`);
      await admin.final(runId, 60_000);
      return admin.text(runId) === `Q${index}-0 Q${index}-1` ? [] : [idOf(index)];
    }),
  );
  return answers.flat();
}

const worlds = fc.sample(world, { seed: SEED, numRuns: Math.ceil(DRAWS / AGENTS) });

describe.runIf(capabilities(release).bootsFast)(`worlds of seed ${SEED}`, { timeout: 300_000 }, () => {
  test.each(worlds.map((drawn, index) => [index, drawn] as const))(
    "in world %i no output of a command is lost, and nothing is worse than on the control gateway",
    async (_, drawn) => {
      const both = await Promise.all([openWorld(drawn, false), openWorld(drawn, true)]);
      const [published, ours] = both;
      const [left, own] = await Promise.all([leaveAll(published, drawn), leaveAll(ours, drawn)]);
      // The drawn world alongside, so that a failure shows it.
      expect({ drawn, wrong: await wrongFates(ours, own, drawn) }).toEqual({ drawn, wrong: [] });
      // Nobody is asked there: what this shows is the module's.
      expect((await fatesOf(published, left)).filter((fate) => fate.includes("seen"))).toEqual([]);
      const [before, after] = await Promise.all(both.map((bed) => unanswered(bed, drawn)));
      expect(after!.filter((id) => !before!.includes(id))).toEqual([]);
    },
  );
});
