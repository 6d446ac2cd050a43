/** How the load counts frames, and what it calls a finding. */
import { expect, test } from "vitest";
import { keyOf, tokenOf } from "../../bench/timed-model.ts";
import type { Round } from "../../scripts/load/gateways.ts";
import { loadPlot } from "../../scripts/load/plot.ts";
import { findingsOf, type LoadResult, slowRounds, sumOf } from "../../scripts/load/result.ts";
import { loadTables } from "../../scripts/load/text.ts";
import { clientFinder, noCounts, Tally } from "../../scripts/load/tally.ts";

const START = 1_790_000_000_000;
const FINDER = clientFinder(10);

function chat(client: number, seq: number, texts: readonly number[], state = "delta"): string {
  const text = texts.map((at) => `${tokenOf(client)}@${at.toFixed(3)}`).join(" ");
  const payload = { runId: "r", sessionKey: keyOf(client), seq: 99, state, message: { content: [{ text }] } };
  return JSON.stringify({ type: "event", event: "chat", payload, seq });
}

test("the tally counts each own chunk once, by the first frame that holds it", () => {
  const tally = new Tally(3, FINDER, START);
  tally.take(chat(3, 1, [START + 10]), START + 15);
  tally.take(chat(3, 2, [START + 10, START + 50]), START + 57);
  expect(tally.ended).toBeUndefined();
  tally.take(chat(3, 3, [START - 5000, START + 10, START + 50], "final"), START + 60);
  expect(tally.latencies).toEqual([5, 7]);
  expect(tally.chunks).toBe(2);
  expect(tally.ended).toBe("final");
  expect(tally.counts).toMatchObject({ frames: 3, own: 3, foreign: 0, gaps: 0, repeats: 0 });
});

test("the tally counts another session's words and key as foreign, except for a key in `health`, and none of them ends a run", () => {
  const tally = new Tally(3, FINDER, START);
  tally.take(chat(4, 1, [START + 10], "final"), START + 15);
  tally.take(chat(5, 2, []), START + 16);
  const sessions = { recent: [{ key: keyOf(4) }, { key: keyOf(3) }] };
  tally.take(JSON.stringify({ type: "event", event: "health", payload: { sessions }, seq: 3 }), START + 17);
  tally.take(JSON.stringify({ type: "event", event: "tick", payload: { ts: 1 }, seq: 4 }), START + 18);
  expect(tally.counts).toMatchObject({ frames: 4, own: 0, foreign: 2, keyOnly: 1 });
  expect(tally.ended).toBeUndefined();
});

test("the tally counts a missing number as a gap, a returning one as a repeat, and ignores frames without one", () => {
  const tally = new Tally(3, FINDER, START);
  const tick = (more: string): string => `{"type":"event","event":"health","payload":{"seq":7}${more}}`;
  tally.take(tick(',"seq":4'), START);
  tally.take(tick(""), START);
  tally.take(tick(',"seq":5,"stateVersion":{"presence":2,"health":1}'), START);
  tally.take(tick(',"seq":7,"recipientProfileId":"p"'), START);
  tally.take(tick(',"seq":7'), START);
  expect(tally.counts).toMatchObject({ gaps: 1, repeats: 1 });
});

function round(changes: Partial<Round> = {}): Round {
  const delay = { p50: 1, p99: 2, p999: 3, max: 4 };
  return {
    counts: { ...noCounts(), frames: 100, bytes: 5000, own: 50 },
    latencies: [5, 6, 7, 8],
    answered: 10,
    missing: 0,
    seconds: 2,
    overlapping: 10,
    gateway: { cpuMs: 500, rssPeak: 4e8, rss: 3e8, heapUsed: 1e8, delay },
    ...changes,
  };
}

function resultOf(module: Round, met: Round["slow"]): LoadResult {
  const closed = { closed: "1008 slow consumer", frames: 9 };
  const upstream = slowRounds(round(), round({ slow: { claimer: closed, bystander: closed, health: 0 } }));
  const leaking = round({ counts: { ...noCounts(), frames: 1000, bytes: 50_000, own: 50, foreign: 900 } });
  const run = { release: "2026.9.6", connections: 20, sessions: 10, rounds: 1, chunks: 12, delayMs: 100 };
  const found = {
    ...run,
    gateways: { unprotected: sumOf([leaking]), module: sumOf([module]) },
    slow: { unprotected: upstream, module: slowRounds(round(), round({ slow: met! })) },
  };
  return { ...found, findings: findingsOf(found) };
}

const AS_IT_SHOULD = {
  claimer: { closed: "1008 slow consumer", frames: 9 },
  bystander: { closed: "open", frames: 0 },
  health: 0,
};

test("the load reports no finding when all own frames and no others came", () => {
  expect(resultOf(round(), AS_IT_SHOULD).findings).toEqual([]);
});

test("the load reports no finding for a bystander that a frame for everybody closed", () => {
  const bystander = { closed: "1008 slow consumer", frames: 0 };
  expect(resultOf(round(), { ...AS_IT_SHOULD, bystander, health: 1 }).findings).toEqual([]);
});

test("the load reports each thing that went wrong", () => {
  const counts = { ...noCounts(), foreign: 2, gaps: 1 };
  const { findings } = resultOf(round({ counts, missing: 3, answered: 9 }), {
    claimer: { closed: "open", frames: 9 },
    bystander: { closed: "1008 slow consumer", frames: 1 },
    health: 0,
  });
  expect(findings).toEqual([
    "2 foreign frames",
    "3 chunks of own answers that no frame brought",
    "1 gaps and 0 repeats in the numbers of frames",
    "1 chats without an answer",
    "a slow consumer with a claim: open, upstream: 1008 slow consumer",
    "1 foreign frames at a slow bystander",
    "a slow bystander was closed for frames that are not its own",
  ]);
});

test("the table and the plot show the figures of both gateways", () => {
  const result = resultOf(round(), AS_IT_SHOULD);
  const [table] = loadTables(result);
  expect(table?.rows).toContainEqual(["foreign frames", "900", "0", "0"]);
  const svg = loadPlot(result);
  expect(svg).toContain("OpenClaw 2026.9.6: 20 connections, 10 sessions streaming");
  expect(svg).toContain("with the module");
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});
