import { expect, test } from "vitest";
import { type Conduct, judge, LEFT } from "../../src/report/judge.ts";
import { observe, type Witness } from "../../src/report/observe.ts";
import { gatewayText } from "../../src/report/text.ts";
import { HOSTILE, hostileGateway, runFrames, sampleGateway, SESSIONS } from "../support/scene/sample-report.ts";

const RUNS: Conduct["runs"] = [1, 2].flatMap((round) =>
  SESSIONS.map(({ name }) => ({ session: name, round, end: "final" }) as const),
);
const EXCHANGE: Conduct = { mode: "exchange", runs: RUNS, joined: true, dropped: 0, interrupted: false };
const PASSIVE: Conduct = { ...EXCHANGE, mode: "passive", runs: [], joined: undefined, seconds: 30, active: 2 };

function observed(...leaked: readonly Partial<Witness>[]) {
  const blank = { asked: "", scopes: [], caps: [], frames: [], claims: [] };
  const sender = { ...blank, name: "A", frames: runFrames(0, 100), claims: [{ session: 0, fromMs: 0 }], sends: [0] };
  return observe(SESSIONS, [sender, ...leaked.map((each, index) => ({ ...blank, name: `c${index}`, ...each }))]);
}

test("the judge calls frames at other connections a leak, whatever else went wrong", () => {
  const { verdict, reasons } = judge(observed({ frames: runFrames(0, 100) }), {
    ...EXCHANGE,
    runs: [],
    interrupted: true,
  });
  expect(verdict).toBe("leak");
  expect(reasons.join("\n")).toContain("c0 () got frames of session A: 20 agent, 1 chat");
});

test("the judge calls own frames only no leak", () => {
  expect(judge(observed({}), EXCHANGE).verdict).toBe("no leak");
});

test.each<[string, Partial<Conduct>]>([
  ["a sender that missed the end of its run", { runs: [{ session: "A", round: 1, end: "missing" }] }],
  ["no run", { runs: [] }],
  ["an interruption", { interrupted: true }],
  ["frames that were not checked", { dropped: 1 }],
])("the judge calls silence with %s inconclusive", (_, change) => {
  expect(judge(observed({}), { ...EXCHANGE, ...change }).verdict).toBe("inconclusive");
});

test("the judge of a listening probe finds a leak and never rules one out", () => {
  const empty = observe([], [{ name: "c", asked: "", scopes: [], caps: [], frames: [], claims: [] }]);
  const { verdict, reasons } = judge(empty, PASSIVE);
  expect(verdict).toBe("inconclusive");
  expect(reasons[0]).toContain("2 sessions were active");
  expect(reasons[1]).toContain("--allow-runs");
  const caught = observe([], [{ name: "c", asked: "", scopes: [], caps: [], frames: runFrames(0, 1), claims: [] }]);
  expect(judge(caught, PASSIVE).verdict).toBe("leak");
});

test.each<[string, number | undefined, "pass" | "fail" | "unknown"]>([
  ["passes with nothing after it left", 2_000, "pass"],
  ["fails with frames after it left", 300, "fail"],
  ["is undecided with nothing before it left either", undefined, "unknown"],
])("the check for leaving %s", (_, untilMs, result) => {
  const frames = untilMs === undefined ? [] : runFrames(0, 100);
  const claims = [{ session: 0, fromMs: 0, untilMs: untilMs ?? 1 }];
  const { checks } = judge(observed({ name: LEFT, frames, claims }), EXCHANGE);
  expect(checks.find(({ name }) => name.startsWith("leaving"))).toMatchObject({ result });
});

test("gaps in the numbers fail their check but are not a leak", () => {
  const frames = runFrames(0, 100).map((frame, seq) => ({ ...frame, seq: seq * 2 }));
  const observation = observed({ frames, claims: [{ session: 0, fromMs: 0 }] });
  const { verdict, checks } = judge(observation, EXCHANGE);
  expect(verdict).toBe("no leak");
  expect(checks.find(({ name }) => name.startsWith("sequence"))).toMatchObject({ result: "fail" });
});

test("the text for the terminal shows both verdicts", () => {
  const leak = gatewayText(sampleGateway(true));
  expect(leak).toMatch(/^ {2}A +21 \(.*\) +21 \(.*\) LEAK /m);
  expect(leak).toMatch(/^leak: 4 of 5 connections got \d+ frames/m);
  expect(gatewayText(sampleGateway(false))).toMatch(/^no leak: /m);
});

test("no control character of a gateway reaches the terminal", () => {
  expect(HOSTILE).toMatch(/\p{Cc}/u);
  expect(gatewayText(hostileGateway()).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
});
