import { expect, test } from "vitest";
import type { SeenFrame } from "../../src/report/attribute.ts";
import { observe, OTHER_SESSIONS, type Witness } from "../../src/report/observe.ts";
import { seenFrame, SESSIONS } from "../support/scene/sample-report.ts";

const key = SESSIONS[0]!.key;

function witness(frames: readonly SeenFrame[], more: Partial<Witness> = {}): Witness {
  return { name: "w", asked: "", scopes: [], caps: [], frames, claims: [], ...more };
}

function standings(one: Witness): string[] {
  return observe(SESSIONS, [one]).timeline.map(({ standing }) => standing);
}

test("a frame is the connection's own from its request until it has left", () => {
  const frames = [10, 20, 30, 40].map((at) => seenFrame(at, "chat", { sessionKey: key }));
  expect(standings(witness(frames, { claims: [{ session: 0, fromMs: 20, untilMs: 30 }] }))).toEqual([
    "foreign",
    "own",
    "own",
    "foreign",
  ]);
});

test("a row of the session list is not a leak only at a connection that asked for the list", () => {
  const frames = [seenFrame(1, "sessions.changed", { sessionKey: key })];
  expect(standings(witness(frames, { roster: true }))).toEqual(["roster"]);
  expect(standings(witness(frames))).toEqual(["foreign"]);
});

test("asking for the list does not entitle a connection to messages", () => {
  const frames = [seenFrame(1, "session.message", { sessionKey: key })];
  expect(standings(witness(frames, { roster: true }))).toEqual(["foreign"]);
});

test("a status event may name a session but not quote it", () => {
  const sessions = { recent: [{ key }] };
  expect(standings(witness([seenFrame(1, "health", { sessions })]))).toEqual(["named"]);
  expect(standings(witness([seenFrame(1, "health", { sessions, last: "TOKENA" })]))).toEqual(["foreign"]);
  expect(standings(witness([seenFrame(1, "health", { sessions, last: key })]))).toEqual(["foreign"]);
});

test("frames and bytes are counted by event and standing", () => {
  const frames = [1, 2].map((at) => seenFrame(at, "chat", { sessionKey: key, text: "ü" }));
  const { deliveries, connections } = observe(SESSIONS, [witness([...frames, seenFrame(3, "tick", {})])]);
  const bytes = 2 * Buffer.byteLength(frames[0]!.json);
  const paths = ["payload.sessionKey"];
  expect(deliveries).toEqual([
    { session: 0, connection: 0, event: "chat", standing: "foreign", frames: 2, bytes, by: ["session key"], paths },
  ]);
  expect(connections[0]).toMatchObject({ frames: 3 });
});

test("gaps and repeats of the numbers are counted, and frames without a number are left out", () => {
  const numbers = [1, 2, undefined, 4, 4, 3];
  const { connections } = observe([], [witness(numbers.map((seq, at) => seenFrame(at, "tick", {}, seq)))]);
  expect(connections[0]).toMatchObject({ gaps: 1, repeats: 2 });
});

test("sessions of others have a row only if something of them came", () => {
  const frames = [seenFrame(1, "agent", { runId: "?" })];
  expect(observe(SESSIONS, [witness(frames)]).sessions.at(-1)).toEqual({ name: OTHER_SESSIONS, key: "", runIds: [] });
  expect(observe(SESSIONS, [witness([])]).sessions).toHaveLength(SESSIONS.length);
});

test("the timeline has a bound and the counts have none", () => {
  const frames = Array.from({ length: 6_000 }, (_, at) => seenFrame(at, "chat", { sessionKey: key }));
  const { timeline, timelineDropped, deliveries } = observe(SESSIONS, [witness(frames)]);
  expect([timeline.length, timelineDropped, deliveries[0]!.frames]).toEqual([5_000, 1_000, 6_000]);
});
