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
    startedRun: (runId) => runId === "own" || runId === "taken",
    sessionOfRun: (runId) => ({ seen: MINE, taken: THEIRS, theirs: THEIRS })[runId],
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
    ["chat.abort", { sessionKey: MINE, runId: "own" }],
    ["chat.abort", { sessionKey: MINE, runId: "seen" }],
    ["agent.wait", { runId: "seen" }],
    ["sessions.abort", { key: MINE, runId: "own" }],
    ["sessions.preview", { keys: [MINE, "mine-2"] }],
    ["sessions.patchMany", { targets: [{ key: MINE }], patch: {} }],
    ["sessions.viewers.set", { sessionKeys: [MINE] }],
    ["sessions.messages.unsubscribe", { key: MINE }],
    ["sessions.unsubscribe", {}],
    ["sessions.subscribe", {}],
    ["agent", { sessionKey: MINE, channel: "webchat", deliver: false }],
    ["agent", { sessionKey: MINE, channel: "last" }],
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
    ["chat.abort", { sessionKey: MINE, runId: "foreign" }],
    ["chat.abort", { sessionKey: MINE, runId: "theirs" }],
    ["chat.abort", { sessionKey: MINE, runId: "taken" }],
    ["agent.wait", { runId: "taken" }],
    ["agent.wait", { runId: ["own"] }],
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
  expect(judge("sessions.create", { key: MINE })).toEqual({ allowed: true, answer: "key" });
  expect(judge("sessions.resolve", { shortId: "12345678" })).toMatchObject({ allowed: true, answer: "lookup" });
  expect(judge("sessions.resolve", { key: MINE })).toEqual({ allowed: true, answer: "key" });
  expect(judge("sessions.list", {})).toMatchObject({ allowed: true, answer: "list" });
  expect(judge("question.list", {})).toEqual({ allowed: true, answer: "rows" });
});

const WHOLE_AGENT = ["agent:main:mine-*", "agent:main:*"];

test.each([...CLAIMING_METHODS, "sessions.delete"])(
  "the table of methods has %s, which claims or ends a session",
  (method) => {
    const params = (key: string) =>
      [{ sessionKey: key }, { key }, { keys: [key] }].find((each) => keysIn(claimIntent(method, each)).includes(key))!;
    // A fork, a branch and a recovery make a session whose key the gateway chooses.
    const makes = /^sessions\.(?:fork|recover|compaction\.branch)$/.test(method);
    expect(judge(method, params(THEIRS)).allowed).toBe(false);
    expect(judge(method, params(MINE)).allowed).toBe(!makes);
    expect(judgeRequest(method, params(MINE), asker([MINE, "agent:main:dashboard:*"])).allowed).toBe(true);
  },
);

function keysIn(intent: ReturnType<typeof claimIntent>): readonly unknown[] {
  return intent && "keys" in intent ? intent.keys : [];
}

describe("an agent is judged by the id that the gateway makes of what is written:", () => {
  const support = asker(["agent:support:*"]);
  const written = [
    "support:admin",
    "SUPPORT ADMIN",
    "support/admin",
    " support-admin ",
    "support.admin",
    "-support%%admin-",
  ];
  test.each(written)("agent {agentId: %j} runs in agent:support-admin:main", (agentId) => {
    expect(judgeRequest("agent", { agentId, message: "hi" }, support)).toEqual({ allowed: false, because: "session" });
    const admin = asker(["agent:support-admin:*"]);
    expect(judgeRequest("agent", { agentId, message: "hi" }, admin).allowed).toBe(true);
    expect(judgeRequest("sessions.create", { agentId }, support).allowed).toBe(false);
    expect(judgeRequest("sessions.create", { agentId }, admin).allowed).toBe(true);
    expect(judgeRequest("chat.send", { sessionKey: "x", agentId }, support).allowed).toBe(false);
    expect(judgeRequest("chat.send", { sessionKey: "x", agentId }, admin).allowed).toBe(true);
    expect(judgeRequest("sessions.patchMany", { targets: [{ key: "x", agentId }], patch: {} }, support).allowed).toBe(
      false,
    );
    expect(judgeRequest("models.list", { deep: [{ sessionKey: "x", agentId }] }, support).allowed).toBe(false);
  });

  test.each(["agent:support admin:x", "agent:support/admin:x", "agent:Support%20:x"])(
    "no rule allows the key %s, which the gateway could take for another agent's",
    (key) => expect(judgeRequest("chat.send", { sessionKey: key }, asker(["agent:support*"])).allowed).toBe(false),
  );

  test("a key of one agent next to the id of another is denied, even if both may be used", () => {
    const both = asker(["agent:a:*", "agent:b:*"]);
    expect(judgeRequest("chat.send", { sessionKey: "agent:a:x", agentId: "b" }, both).allowed).toBe(false);
    expect(judgeRequest("chat.send", { sessionKey: "agent:a:x", agentId: " A " }, both).allowed).toBe(true);
    expect(judgeRequest("chat.send", { sessionKey: "agent:a:x", agentId: ["a"] }, both).allowed).toBe(false);
  });

  test("a raw key next to an agent also counts as that agent's if the release's resolver ignores the agent", () => {
    const ignoring: Asker = {
      ...asker(["agent:main:mine-*"]),
      canonical: (value) => asker([]).canonical(value, undefined),
    };
    expect(judgeRequest("sessions.create", { key: "mine-1", agentId: "support" }, ignoring).allowed).toBe(false);
    expect(judgeRequest("sessions.create", { key: "mine-1", agentId: "main" }, ignoring).allowed).toBe(true);
  });

  test("a blank id means the default agent", () => {
    expect(judgeRequest("sessions.create", { agentId: " " }, asker(["agent:main:*"])).allowed).toBe(true);
    expect(judgeRequest("sessions.create", { agentId: " " }, support).allowed).toBe(false);
  });
});

test("a session whose key the gateway chooses is allowed if every key that it may choose is", () => {
  const may = (sessions: string[], params: object) => judgeRequest("sessions.create", params, asker(sessions)).allowed;
  for (const sessions of [["agent:main:*"], ["agent:main:dashboard:*"], ["agent:*"], ["*:dashboard:*"]]) {
    expect(may(sessions, { message: "hi" })).toBe(true);
    expect(may(sessions, { agentId: "main" })).toBe(true);
  }
  for (const sessions of [["agent:main:mine-*"], ["agent:main:dashboard:1*"], ["agent:main:*:x"], ["agent:work:*"]]) {
    expect(may(sessions, { message: "hi" })).toBe(false);
    expect(may(sessions, { agentId: "main" })).toBe(false);
  }
});

describe("the rule denies, by its name, a parameter that leads elsewhere or reveals other sessions:", () => {
  test.each<[string, object, string]>([
    ["agent", { sessionKey: MINE, voiceWakeTrigger: "hi" }, "voiceWakeTrigger"],
    ["agent", { sessionKey: MINE, to: THEIRS }, "to"],
    ["agent", { sessionKey: MINE, channel: "telegram" }, "channel"],
    ["agent", { sessionKey: MINE, replyTo: "+1" }, "replyTo"],
    ["agent", { sessionKey: MINE, accountId: "a" }, "accountId"],
    ["agent", { sessionKey: MINE, groupId: "g" }, "groupId"],
    ["agent", { sessionKey: MINE, lane: "session:agent:main:theirs" }, "lane"],
    ["agent", { sessionKey: MINE, tomorrow: 1 }, "tomorrow"],
    ["board.event", { sessionKey: MINE, ticket: "t" }, "ticket"],
    ["chat.send", { sessionKey: MINE, originatingTo: "+1" }, "originatingTo"],
    ["chat.startup", { sessionKey: MINE, shortId: "12345678" }, "shortId"],
    ["sessions.create", { key: MINE, catalogId: "c" }, "catalogId"],
    ["sessions.create", { key: MINE, label: "taken?" }, "label"],
    ["sessions.patch", { key: MINE, label: "taken?" }, "label"],
    ["sessions.patchMany", { targets: [{ key: MINE }], patch: { label: "taken?" } }, "label"],
    ["sessions.resolve", { label: "whose?" }, "label"],
    ["sessions.list", { involvingProfileId: "p" }, "involvingProfileId"],
    ["sessions.search", { sessionKeys: [MINE], query: "x", scope: { agentId: "main" } }, "scope"],
    ["sessions.usage", { key: MINE, agentScope: "all" }, "agentScope"],
  ])("%s %j", (method, params, parameter) =>
    expect(judge(method, params)).toEqual({ allowed: false, because: "parameter", parameter }),
  );

  test("a label may be set, cleared and looked up by a connection that may use all sessions of the agent", () => {
    const whole = asker(WHOLE_AGENT);
    expect(judgeRequest("sessions.patch", { key: MINE, label: "x" }, whole).allowed).toBe(true);
    expect(judgeRequest("sessions.create", { label: "x" }, whole).allowed).toBe(true);
    expect(judgeRequest("sessions.resolve", { label: "x", agentId: "main" }, whole).allowed).toBe(true);
    // Without an agent the look-up goes through all of them.
    expect(judgeRequest("sessions.resolve", { label: "x" }, whole).allowed).toBe(false);
    expect(judgeRequest("sessions.resolve", { label: "x", agentId: "main", includeGlobal: true }, whole).allowed).toBe(
      false,
    );
    expect(judge("sessions.patch", { key: MINE, label: null }).allowed).toBe(true);
    expect(judge("chat.inject", { sessionKey: MINE, message: "x", label: "of the message" }).allowed).toBe(true);
  });

  test("the title in a reference is left out of a look-up, and its key decides", () => {
    expect(judge("sessions.resolve", { reference: { key: THEIRS, slug: "title" } })).toMatchObject({
      allowed: true,
      answer: "lookup",
      ask: { reference: { key: THEIRS } },
    });
  });
});

test("a message is passed on without the id of a transcript, which a new session would take over", () => {
  const body = { sessionKey: MINE, message: "hi" };
  expect(judge("chat.send", { ...body, sessionId: "s" })).toEqual({ allowed: true, answer: "as-is", ask: body });
  expect(judge("chat.send", body)).toEqual({ allowed: true, answer: "as-is" });
});

test("the gateway is asked for the whole list, and the page is the client's", () => {
  expect(judge("sessions.list", { limit: 5, offset: 10, search: "x", ownerFirst: true })).toEqual({
    allowed: true,
    answer: "list",
    ask: { limit: 10_000, search: "x" },
    page: { limit: 5, offset: 10 },
  });
  // Answered without a list, which parameters would bring.
  expect(judge("sessions.subscribe", {})).toEqual({ allowed: true, answer: "list" });
  // The gateway says what is wrong with these.
  expect(judge("sessions.list", { limit: "all" })).toMatchObject({ ask: { limit: "all" } });
  expect(judge("sessions.list", { offset: -1 })).toMatchObject({ ask: { offset: -1 } });
});

test("a request that the gateway's own function cannot make a key of is denied", () => {
  const canonical = () => {
    throw new Error("Use an agent-prefixed session key or select an agent explicitly.");
  };
  expect(judgeRequest("chat.send", { sessionKey: "x" }, { ...asker(["agent:*"]), canonical })).toEqual({
    allowed: false,
    because: "session",
  });
});
