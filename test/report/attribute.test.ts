import { expect, test } from "vitest";
import { matcher } from "../../src/report/attribute.ts";
import { runFrames, seenFrame, SESSIONS } from "../support/scene/sample-report.ts";

const [a] = SESSIONS;
const match = matcher(SESSIONS);

test.each([
  ["the session key, in any case", { sessionKey: a!.key.toUpperCase() }, "session key"],
  ["the key in a list, deep down", { rows: [{ of: { keys: [a!.key] } }] }, "session key"],
  ["a run id alone", { runId: "run-of-A", data: {} }, "run id"],
  ["the word of its message alone", { text: "so: tokenA!" }, "text"],
])("a frame is recognised by %s", (_, payload, by) => {
  expect(match(seenFrame(0, "whatever", payload))).toEqual([{ session: 0, by: [by] }]);
});

test("a frame with two sessions in it belongs to both", () => {
  const frame = seenFrame(0, "x", { keys: SESSIONS.map(({ key }) => key) });
  expect(match(frame).map(({ session }) => session)).toEqual([0, 1]);
});

test("the text of a reply is recognised elsewhere without key and run id", () => {
  const own = SESSIONS.map((_, session) => runFrames(session, 0));
  const heartbeat = seenFrame(0, "anything", { preview: "A has said it all by now" });
  expect(matcher(SESSIONS, own)(heartbeat)).toEqual([{ session: 0, by: ["text"] }]);
  expect(match(heartbeat)).toEqual([]);
});

test("a text that two sessions have in common identifies neither", () => {
  const same = { role: "assistant", content: [{ type: "text", text: "I am a helpful assistant." }] };
  const own = SESSIONS.map(({ runIds }) => [seenFrame(0, "chat", { runId: runIds[0], state: "final", message: same })]);
  expect(matcher(SESSIONS, own)(seenFrame(0, "x", { note: "I am a helpful assistant." }))).toEqual([]);
});

test("a text is found as JSON writes it", () => {
  const text = 'he said "no"\nand left';
  const own = [[seenFrame(0, "chat", { runId: "run-of-A", message: { content: [{ text }] } })], []];
  expect(matcher(SESSIONS, own)(seenFrame(0, "x", { deep: [{ text }] }))).toEqual([{ session: 0, by: ["text"] }]);
});

test.each([
  ["chat", {}],
  ["agent", { runId: "someone-elses" }],
  ["session.tool", {}],
  ["cron", { job: { sessionKey: "agent:main:x" } }],
  ["sessions.changed", { key: "agent:main:x" }],
  ["heartbeat", { status: "sent", preview: "the door is open" }],
])("%s %j belongs to a session that is not the probe's", (event, payload) => {
  expect(match(seenFrame(0, event, payload))).toEqual([{ session: SESSIONS.length, by: ["event"] }]);
});

test.each([
  ["tick", { ts: 1 }],
  ["health", { sessions: { recent: [{ key: "agent:main:x", sessionKey: "agent:main:x" }] } }],
  ["presence", { sessionKey: "agent:main:x" }],
  ["heartbeat", { status: "ok-empty" }],
  ["cron", { action: "finished" }],
  ["sessions.changed", {}],
])("%s %j belongs to no session", (event, payload) => {
  expect(match(seenFrame(0, event, payload))).toEqual([]);
});
