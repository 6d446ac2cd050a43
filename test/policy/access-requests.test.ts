import { describe, expect, test } from "vitest";
import { accessOf } from "../../src/policy/access.ts";
import { type Asker, judgeRequest } from "../../src/policy/access-requests.ts";
import { CLAIMING_METHODS, claimIntent } from "../../src/policy/claim-intent.ts";
import { canonicalSessionKey, usableSessionKey } from "../../src/policy/session-key.ts";

function asker(sessions: string[], methods: string[] = []): Asker {
  return {
    access: accessOf([{ match: {}, sessions, methods }], { role: "operator", scopes: [] })!,
    canonical: (value, agentId) => {
      const key = usableSessionKey(value);
      return key && canonicalSessionKey(key, agentId === undefined ? {} : { defaultAgentId: agentId });
    },
    startedRun: (runId) => runId === "own",
    sessionsOfQuestion: (id) =>
      id === "mine" ? [MINE] : id === "theirs" ? [THEIRS] : id === "both" ? [MINE, THEIRS] : [],
  };
}

const MINE = "agent:main:mine-1";
const THEIRS = "agent:main:theirs";
const judge = (method: string, params?: unknown, methods?: string[]) =>
  judgeRequest(method, params, asker(["agent:main:mine-*"], methods));

describe("an allowed request", () => {
  test.each<[string, unknown]>([
    ["chat.history", { sessionKey: MINE }],
    ["chat.history", { sessionKey: " MINE-1 " }],
    ["chat.history", { sessionKey: MINE, sessionId: "checked upstream" }],
    ["chat.abort", { sessionKey: MINE, runId: "checked upstream" }],
    ["sessions.abort", { key: MINE, runId: "own" }],
    ["sessions.preview", { keys: [MINE, "mine-2"] }],
    ["sessions.patchMany", { targets: [{ key: MINE }], patch: {} }],
    ["sessions.viewers.set", { sessionKeys: [MINE] }],
    ["sessions.messages.unsubscribe", { key: MINE }],
    ["sessions.unsubscribe", {}],
    ["sessions.subscribe", {}],
    ["agent.wait", { runId: "own" }],
    ["question.resolve", { id: "mine", answers: {} }],
    ["question.request", { sessionKey: MINE, runId: "own" }],
    ["models.list", undefined],
  ])("the rule allows %s %j", (method, params) => expect(judge(method, params).allowed).toBe(true));
});

describe("a request denied for its session", () => {
  test.each<[string, unknown]>([
    ["chat.history", { sessionKey: THEIRS }],
    ["chat.history", { sessionKey: "agent:main:MINE" }],
    ["chat.history", { sessionKey: { toString: () => MINE } }],
    ["chat.history", { sessionKey: `${MINE}\u0000` }],
    ["chat.history", {}],
    ["chat.history", null],
    ["chat.history", [MINE]],
    ["sessions.preview", { keys: [MINE, THEIRS] }],
    ["sessions.preview", { keys: [] }],
    ["sessions.preview", { keys: MINE }],
    ["sessions.patchMany", { targets: [{ key: MINE }, { key: THEIRS }] }],
    ["sessions.patchMany", { targets: [null] }],
    ["sessions.viewers.set", { sessionKeys: [MINE, THEIRS] }],
    ["sessions.create", { key: MINE, parentSessionKey: THEIRS }],
    ["sessions.create", { parentSessionKey: "main" }],
    ["sessions.patch", { key: MINE, spawnedBy: THEIRS }],
    ["sessions.search", { query: "x" }],
    ["sessions.usage", {}],
    ["sessions.abort", { runId: "foreign" }],
    ["sessions.abort", { key: MINE, runId: "foreign" }],
    ["artifacts.get", { sessionKey: MINE, taskId: "t" }],
    ["tools.effective", { sessionKey: MINE, sessionId: "s" }],
    ["agent", { sessionKey: MINE, sessionId: "s" }],
    ["agent", { message: "hi" }],
    ["agent", { agentId: "main" }],
    ["agent", { agentId: "main", to: "+1" }],
    ["agent.wait", { runId: "foreign" }],
    ["agent.wait", {}],
    ["question.resolve", { id: "theirs" }],
    ["question.resolve", { id: "both" }],
    ["question.get", { id: "unknown" }],
    ["question.get", {}],
    ["talk.client.create", {}],
    ["commands.list", { sessionKey: THEIRS }],
    ["chat.send", { sessionKey: MINE, systemInputProvenance: { sourceSessionKey: THEIRS } }],
  ])("the rule denies %s %j for its session", (method, params) =>
    expect(judge(method, params)).toEqual({ allowed: false, because: "session" }),
  );

  test("the rule denies a request that hides a key behind depth or size", () => {
    let deep: unknown = { sessionKey: MINE };
    for (let depth = 0; depth < 20; depth += 1) deep = { deep };
    expect(judge("models.list", { deep }).allowed).toBe(false);
    expect(judge("models.list", { list: Array.from({ length: 10_000 }, () => 1) }).allowed).toBe(false);
  });
});

test("the rule takes agent and talk without a key for the main session", () => {
  const main = asker(["agent:main:main"]);
  expect(judgeRequest("agent", { agentId: "main" }, main).allowed).toBe(true);
  expect(judgeRequest("agent", { agentId: "work" }, main).allowed).toBe(false);
  expect(judgeRequest("talk.client.create", {}, main).allowed).toBe(true);
  expect(judgeRequest("talk.client.create", { agentId: "work" }, main).allowed).toBe(false);
});

test("the rule denies a method that is not in the table, unless it names the method", () => {
  for (const method of [
    "cron.list",
    "logs.tail",
    "tools.invoke",
    "wake",
    "isolation.status",
    "status",
    "constructor",
    "",
  ])
    expect(judge(method, {})).toEqual({ allowed: false, because: "method" });
  expect(judge("cron.list", {}, ["cron.list"])).toEqual({ allowed: true, answer: "as-is" });
  expect(judge("cron.list", { sessionKey: THEIRS }, ["cron.list"]).allowed).toBe(false);
  expect(judge("chat.history", { sessionKey: THEIRS }, ["chat.history"]).allowed).toBe(false);
});

test("the rule has answers checked where the gateway chooses the session and where they list some", () => {
  expect(judge("sessions.create", {})).toEqual({ allowed: true, answer: "key" });
  expect(judge("sessions.resolve", { label: "x" })).toEqual({ allowed: true, answer: "key" });
  expect(judge("sessions.list", {})).toEqual({ allowed: true, answer: "rows" });
});

test.each([...CLAIMING_METHODS, "sessions.delete"])(
  "the table of methods has %s, which claims or ends a session",
  (method) => {
    const params = (key: string) => ({ sessionKey: key, key, keys: [key] });
    expect(claimIntent(method, params(THEIRS))).toMatchObject({ keys: [THEIRS] });
    expect(judge(method, params(THEIRS)).allowed).toBe(false);
    expect(judge(method, params(MINE)).allowed).toBe(true);
  },
);
