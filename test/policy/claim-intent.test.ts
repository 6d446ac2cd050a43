import { describe, expect, test } from "vitest";
import { type ClaimIntent, claimIntent } from "../../src/policy/claim-intent.ts";

const A = "agent:main:a";
const B = "agent:main:b";

interface Row {
  readonly method: string;
  readonly field: "sessionKey" | "key" | "keys";
  readonly explicit?: true;
  readonly answer?: "chosen" | "started" | "listed";
  readonly startsRun?: true;
}

const CLAIMING: readonly Row[] = [
  { method: "agent", field: "sessionKey", answer: "started", startsRun: true },
  { method: "board.get", field: "sessionKey" },
  { method: "chat.abort", field: "sessionKey" },
  { method: "chat.history", field: "sessionKey" },
  { method: "chat.inject", field: "sessionKey" },
  { method: "chat.message.get", field: "sessionKey" },
  { method: "chat.metadata", field: "sessionKey" },
  { method: "chat.send", field: "sessionKey", startsRun: true },
  { method: "chat.startup", field: "sessionKey" },
  { method: "progressCard.get", field: "sessionKey" },
  { method: "session.suggestions.list", field: "sessionKey" },
  { method: "sessions.abort", field: "key" },
  { method: "sessions.compact", field: "key" },
  { method: "sessions.create", field: "key", answer: "chosen", startsRun: true },
  { method: "sessions.describe", field: "key" },
  { method: "sessions.fork", field: "sessionKey", answer: "chosen" },
  { method: "sessions.get", field: "key" },
  { method: "sessions.messages.subscribe", field: "key", explicit: true, answer: "chosen" },
  { method: "sessions.preview", field: "keys", answer: "listed" },
  { method: "sessions.recover", field: "key" },
  { method: "sessions.reset", field: "key" },
  { method: "sessions.send", field: "key", startsRun: true },
  { method: "sessions.steer", field: "key", startsRun: true },
  { method: "talk.client.create", field: "sessionKey" },
  { method: "talk.session.create", field: "sessionKey" },
];

function keysOf(intent: ClaimIntent | undefined): readonly unknown[] | undefined {
  return intent && "keys" in intent ? intent.keys : undefined;
}

describe("a request that opens, reads or drives a session claims it", () => {
  test.each(CLAIMING)(
    "$method claims the session named by $field",
    ({ method, field, explicit, answer, startsRun }) => {
      const params = { [field]: field === "keys" ? [A] : A, agentId: "work" };
      expect(claimIntent(method, params)).toEqual({
        kind: "claim",
        keys: [A],
        agentId: "work",
        explicit: explicit ?? false,
        answer,
        startsRun: startsRun ?? false,
      });
    },
  );

  test.each(CLAIMING)("$method claims nothing through fields other than $field", ({ method, field }) => {
    const others = { sessionKey: B, key: B, keys: [B], sessionKeys: [B] };
    const params = { ...others, [field]: field === "keys" ? [A] : A };
    expect(keysOf(claimIntent(method, params))).toEqual([A]);
  });

  test("sessions.preview claims each of its keys", () => {
    expect(keysOf(claimIntent("sessions.preview", { keys: [A, B] }))).toEqual([A, B]);
  });
});

describe("a raw key next to an agent", () => {
  // Up to 2026.7 the resolver that makes keys canonical ignores the agent, but these methods do not.
  test.each([
    ["sessions.create", "desk", "agent:work:desk"],
    ["sessions.create", " telegram:dm:42 ", "agent:work:telegram:dm:42"],
    ["sessions.create", "main", "agent:work:main"],
    ["sessions.abort", "desk", "agent:work:desk"],
    ["sessions.create", "Global", "Global"],
    ["sessions.create", " unknown", " unknown"],
    ["sessions.create", "agent:other:desk", "agent:other:desk"],
    ["sessions.create", " Agent:work", " Agent:work"],
    ["sessions.create", 7, 7],
    ["sessions.get", "desk", "desk"],
  ])("%s with the key %j claims %j", (method, key, claimed) => {
    expect(claimIntent(method, { key, agentId: " Work " })).toMatchObject({ keys: [claimed] });
  });
});

describe("a request that does not name a session claims nothing", () => {
  test.each(CLAIMING.filter(({ method }) => method !== "agent"))(
    "$method without a key claims nothing",
    ({ method, field }) => {
      for (const value of [undefined, null, ""]) {
        expect(keysOf(claimIntent(method, { [field]: value }))).toEqual([]);
      }
      expect(keysOf(claimIntent(method, {}))).toEqual([]);
    },
  );

  test.each([
    "sessions.list",
    "sessions.patch",
    "sessions.resolve",
    "health",
    "status",
    "config.get",
    "agents.list",
    "cron.run",
    "wake",
    "connect",
    "Chat.send",
    "chat.send ",
    "",
    "__proto__",
    "constructor",
    "toString",
  ])("method %j claims nothing although it names a session", (method) => {
    expect(claimIntent(method, { sessionKey: A, key: A, keys: [A] })).toBeUndefined();
  });
});

describe("agent without a key", () => {
  test.each([
    ["claims the main session of the agent that it names", { agentId: "work" }, ["agent:work:main"]],
    [
      "claims that main session although its key is blank",
      { agentId: "work", sessionKey: "", sessionId: "", to: "" },
      ["agent:work:main"],
    ],
    ["claims nothing yet if it names no agent", {}, []],
    ["claims nothing yet if it has a session id", { sessionId: "5e5510", agentId: "work" }, []],
    ["claims nothing yet if it has a recipient", { to: "+15550001", agentId: "work" }, []],
    ["claims its own key before all else", { sessionKey: A, to: "+15550001", agentId: "work" }, [A]],
  ])("an agent request %s: %j", (_, params, keys) => {
    expect(claimIntent("agent", params)).toMatchObject({ kind: "claim", keys, answer: "started", startsRun: true });
  });

  test("no method but agent claims a main session without a key", () => {
    expect(keysOf(claimIntent("chat.send", { agentId: "work" }))).toEqual([]);
  });
});

describe("leaving a session and the list", () => {
  test.each([
    ["sessions.messages.unsubscribe", { key: A }, { kind: "unclaim", keys: [A], agentId: undefined }],
    ["sessions.messages.unsubscribe", { sessionKey: A }, { kind: "unclaim", keys: [], agentId: undefined }],
    ["sessions.delete", { key: A, agentId: "work" }, { kind: "end", keys: [A], agentId: "work" }],
    ["sessions.delete", {}, { kind: "end", keys: [], agentId: undefined }],
    ["sessions.subscribe", {}, { kind: "roster", wanted: true }],
    ["sessions.subscribe", undefined, { kind: "roster", wanted: true }],
    ["sessions.unsubscribe", {}, { kind: "roster", wanted: false }],
  ])("%s with %j means %j", (method, params, intent) => {
    expect(claimIntent(method, params)).toEqual(intent);
  });
});

test("chat.subscribe claims its session explicitly, also where the gateway does not know the method", () => {
  expect(claimIntent("chat.subscribe", { sessionKey: A })).toEqual({
    kind: "claim",
    keys: [A],
    agentId: undefined,
    explicit: true,
    answer: undefined,
    startsRun: false,
    unknownMethod: true,
  });
});

describe("waiting for a run", () => {
  test("agent.wait names a run, trimmed as the gateway trims it", () => {
    expect(claimIntent("agent.wait", { runId: " r1 ", timeoutMs: 0 })).toEqual({ kind: "wait", runId: "r1" });
  });

  test.each([[undefined], [""], [" "], [7], [["r1"]], ["r".repeat(257)]])("agent.wait for %j is of no run", (runId) => {
    expect(claimIntent("agent.wait", { runId })).toBeUndefined();
  });
});

describe("untrusted parameters", () => {
  test.each([[undefined], [null], [7], ["agent:main:a"], [true], [[]], [[A]], [() => A]])(
    "parameters of %j name no session",
    (params) => {
      expect(keysOf(claimIntent("chat.history", params))).toEqual([]);
      expect(keysOf(claimIntent("sessions.preview", params))).toEqual([]);
      expect(keysOf(claimIntent("sessions.delete", params))).toEqual([]);
    },
  );

  test.each([[7], [{}], [["work"]], [null], [true], [""]])("an agentId of %j is ignored", (agentId) => {
    expect(claimIntent("chat.send", { sessionKey: A, agentId })).not.toMatchObject({ agentId: "work" });
    expect(claimIntent("agent", { agentId })).toMatchObject({ keys: [] });
  });

  test("malformed keys are passed on unchanged for the key grammar to judge", () => {
    expect(keysOf(claimIntent("sessions.preview", { keys: ["\u0000", "x"] }))).toEqual(["\u0000", "x"]);
    expect(keysOf(claimIntent("chat.send", { sessionKey: { a: 1 } }))).toEqual([{ a: 1 }]);
    expect(keysOf(claimIntent("chat.send", { sessionKey: 0 }))).toEqual([0]);
  });

  test.each(["agent:main:a", { 0: A, length: 1 }, 7])("keys of %j are not read as a list", (keys) => {
    expect(keysOf(claimIntent("sessions.preview", { keys }))).toEqual([]);
  });

  test("of a long list the keys are read that the gateway reads: the first 64 that are written", () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => `agent:main:${index}`);
    expect(keysOf(claimIntent("sessions.preview", { keys }))).toEqual(keys.slice(0, 64));
    expect(keysOf(claimIntent("sessions.preview", { keys: [7, {}, null, "", " ", ...keys] }))).toEqual(
      keys.slice(0, 64),
    );
  });

  test.each(["Support Admin", "support:admin", " support/admin "])(
    "agent with the id %j claims the main session of the agent that the gateway makes of it",
    (agentId) => expect(keysOf(claimIntent("agent", { agentId }))).toEqual(["agent:support-admin:main"]),
  );
});
