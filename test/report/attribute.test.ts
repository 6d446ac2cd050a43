import { expect, test } from "vitest";
import { matcher } from "../../src/report/attribute.ts";
import { runFrames, seenFrame, SESSIONS } from "../support/scene/sample-report.ts";

const [a] = SESSIONS;
const match = matcher(SESSIONS);

test.each([
  ["the session key, in any case", { sessionKey: a!.key.toUpperCase() }, "session key", "payload.sessionKey"],
  ["the key in a list, deep down", { rows: [{ of: { keys: [a!.key] } }] }, "session key", "payload.rows[].of.keys[]"],
  ["the key as a name", { byKey: { [a!.key]: 1 } }, "session key", `payload.byKey.(${a!.key})`],
  ["a run id alone", { runId: "run-of-A", data: {} }, "run id", "payload.runId"],
  ["the word of its message alone", { text: "so: tokenA!" }, "text", "payload.text"],
])("a frame is recognised by %s", (_, payload, by, path) => {
  expect(match(seenFrame(0, "whatever", payload))).toEqual([{ session: 0, by: [by], paths: [path], excused: false }]);
});

test("a session is recognised by the name of an event", () => {
  expect(match(seenFrame(0, "plugin.tokenA.done", {}))).toMatchObject([{ session: 0, paths: ["event"] }]);
});

test("a frame with two sessions in it belongs to both", () => {
  const frame = seenFrame(0, "x", { keys: SESSIONS.map(({ key }) => key) });
  expect(match(frame).map(({ session }) => session)).toEqual([0, 1]);
});

test("the text of a reply is recognised elsewhere without key and run id", () => {
  const own = SESSIONS.map((_, session) => runFrames(session, 0));
  const heartbeat = seenFrame(0, "anything", { preview: "A has said it all by now" });
  expect(matcher(SESSIONS, own)(heartbeat)).toMatchObject([{ session: 0, by: ["text"], paths: ["payload.preview"] }]);
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
  expect(matcher(SESSIONS, own)(seenFrame(0, "x", { deep: [{ text }] }))).toMatchObject([{ session: 0, by: ["text"] }]);
});

test.each([
  ["chat", {}, "event"],
  ["agent", { runId: "someone-elses" }, "event"],
  ["session.tool", {}, "event"],
  ["cron", { job: { sessionKey: "agent:main:x" } }, "payload.job.sessionKey"],
  ["cron", { job: { payload: { kind: "agentTurn", message: "look at it" } } }, "payload.job.payload.message"],
  ["task", { task: { childSessionKey: "agent:main:cron:7" } }, "payload.task.childSessionKey"],
  ["task", { task: { terminalSummary: "all is well" } }, "payload.task.terminalSummary"],
  ["sessions.changed", { key: "main" }, "payload.key"],
  ["heartbeat", { status: "sent", preview: "the door is open" }, "payload.preview"],
  ["presence", { presence: [{ watchedSessions: ["agent:main:x"] }] }, "payload.presence[].watchedSessions[]"],
  ["anything", { ownerKey: "agent:main:x" }, "payload.ownerKey"],
  ["anything", { sessionKey: "main" }, "payload.sessionKey"],
  ["anything", { note: "look into agent:main:x" }, "payload.note"],
  [
    "health",
    { sessions: { recent: [{ key: "agent:main:x", label: "agent:main:y" }] } },
    "payload.sessions.recent[].label",
  ],
])("%s %j belongs to a session that is not the probe's", (event, payload, path) => {
  expect(match(seenFrame(0, event, payload))).toEqual([
    { session: SESSIONS.length, by: ["event"], paths: [path], excused: false },
  ]);
});

test.each([
  ["tick", { ts: 1 }],
  ["health", { sessions: { recent: [{ key: "agent:main:x", age: 7 }] } }],
  ["health", { agents: [{ sessions: { recent: [{ key: "agent:main:x", age: 7 }] } }] }],
  ["presence", { presence: [{ host: "here", mode: "backend" }] }],
  ["heartbeat", { status: "ok-empty" }],
  ["cron", { action: "finished" }],
  ["sessions.changed", {}],
  ["users.prefs.changed", { key: "theme" }],
  ["anything", { note: "the agent: main, or so" }],
])("%s %j belongs to no session", (event, payload) => {
  expect(match(seenFrame(0, event, payload))).toEqual([]);
});
