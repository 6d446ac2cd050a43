import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSessionScopedName, plainKey, routeEvent } from "../../src/policy/session-event.ts";
import { usableSessionKey } from "../../src/policy/session-key.ts";

const A = "agent:main:a";
const B = "agent:main:b";
const ALL = { to: "all" };
const NO_KEY = { to: "nobody", reason: "no-key" };
const BAD_KEY = { to: "nobody", reason: "bad-key" };

describe("where an event carries its key", () => {
  test.each<[where: string, event: string, payload: unknown, opts?: unknown]>([
    ["in sessionKey", "chat", { sessionKey: A }],
    ["in sessionKey, with blanks", "chat", { sessionKey: ` ${A} ` }],
    ["in key, of session.*", "session.message", { key: A }],
    ["in key, of sessions.*", "sessions.deleted", { key: A }],
    ["in session.key", "session.updated", { session: { key: A } }],
    ["in session.sessionKey", "talk.event", { session: { sessionKey: A } }],
    ["in request.sessionKey", "question.requested", { request: { sessionKey: A } }],
    ["in suggestion.sessionKey", "session.suggestion", { suggestion: { sessionKey: A } }],
    ["in task.sessionKey", "task.updated", { task: { sessionKey: A } }],
    ["in job.sessionKey", "cron", { job: { sessionKey: A } }],
    ["in talkEvent.sessionKey", "talk.event", { talkEvent: { sessionKey: A } }],
    ["in opts.sessionKeys, payload without one", "agent", {}, { sessionKeys: [A] }],
    ["in opts.sessionKeys, no payload at all", "agent", undefined, { sessionKeys: [A] }],
    ["in opts.sessionKeys, before the payload's", "agent", { sessionKey: B }, { sessionKeys: [A] }],
    ["in the payload, opts.sessionKeys empty", "agent", { sessionKey: A }, { sessionKeys: [] }],
    ["in the payload's sessionKeys", "board.changed", { sessionKeys: [A] }],
    ["in sessionKey before a part's", "chat", { sessionKey: A, session: { key: B } }],
    ["in a part, its other part without one", "x.y", { session: {}, request: { sessionKey: A } }],
  ])("an event goes to the session of its key %s (%s)", (_, event, payload, opts) => {
    expect(routeEvent(event, payload, opts)).toMatchObject({ to: "session", keys: [A] });
  });

  test("an event goes to all of its several keys, from the options and from the payload", () => {
    expect(routeEvent("chat", {}, { sessionKeys: [A, B] })).toMatchObject({ to: "session", keys: [A, B] });
    expect(routeEvent("x.y", { sessionKeys: [A, B] })).toMatchObject({ to: "session", keys: [A, B] });
  });

  test("an event takes its session's agent from the options before the payload", () => {
    const payload = { sessionKey: "global", agentId: "work" };
    expect(routeEvent("chat", payload)).toMatchObject({ agentId: "work" });
    expect(routeEvent("chat", payload, { agentId: "research" })).toMatchObject({ agentId: "research" });
    expect(routeEvent("x.y", { request: { sessionKey: "global", agentId: "work" }, agentId: "other" })).toMatchObject({
      agentId: "work",
    });
  });

  test.each([{ agentId: 7 }, { agentId: "" }, { agentId: null }, {}])(
    "an event does not take an agent from %j",
    (fields) => {
      expect(routeEvent("chat", { sessionKey: A, ...fields })).toMatchObject({ agentId: undefined });
    },
  );

  test("an event takes its run from the payload's runId, if that is a string", () => {
    expect(routeEvent("chat", { sessionKey: A, runId: "r1" })).toMatchObject({ runId: "r1" });
    expect(routeEvent("chat", { sessionKey: A, runId: 1 })).toMatchObject({ runId: undefined });
    expect(routeEvent("chat", { sessionKey: A, runId: "" })).toMatchObject({ runId: undefined });
  });
});

describe("an unknown event", () => {
  test.each(["tool.mirror", "made.up", "constructor", "__proto__", "", "tick2", "healthy", "CHAT"])(
    "unknown event %j is scoped as soon as it carries a key",
    (event) => {
      expect(routeEvent(event, { sessionKey: A })).toMatchObject({ to: "session", keys: [A] });
    },
  );

  test.each([
    ["nothing", {}],
    ["an empty key", { sessionKey: "" }],
    ["null for a key", { sessionKey: null }],
    ["a `key` that is not a session's", { key: "theme" }],
    ["no payload", undefined],
    ["a string", "agents are at work"],
    ["a number", 3],
    ["a part that is not an object", { session: "spring 2026" }],
    ["a part's key that is not a session's", { request: { key: "x" }, task: { key: "y" } }],
  ])("an unknown event goes to all as upstream sends it when it carries %s", (_, payload) => {
    expect(routeEvent("users.prefs.changed", payload)).toEqual(ALL);
  });
});

describe("an event of a session by its name", () => {
  const names = [
    "chat",
    "agent",
    "chat.side_result",
    "session.message",
    "session.tool",
    "session.observer",
    "session.",
  ];

  test.each(names)("%s goes to nobody without a key", (event) => {
    expect(isSessionScopedName(event)).toBe(true);
    for (const payload of [{}, undefined, null, "x", 1, [], { sessionKey: "" }, { session: {} }, { sessionKeys: [] }]) {
      expect(routeEvent(event, payload)).toEqual(NO_KEY);
      expect(routeEvent(event, payload, { sessionKeys: [] })).toEqual(NO_KEY);
    }
  });

  test.each(["chats", "agents", "chat.other", "sessions.changed", "session", "tick"])(
    "%s is not a session's event by its name",
    (event) => {
      expect(isSessionScopedName(event)).toBe(false);
    },
  );
});

describe("transport, status, approval and pairing events", () => {
  test.each([
    "connect.challenge",
    "tick",
    "shutdown",
    "update.available",
    "terminal.data",
    "terminal.exit",
    "gateway.suspension",
    "exec.approval.requested",
    "exec.approval.resolved",
    "plugin.approval.requested",
    "openclaw.approval.requested",
    "node.pair.requested",
    "node.pair.resolved",
    "device.pair.requested",
    "device.pair.resolved",
  ])("%s stays open with a key, without one, and with a malformed one", (event) => {
    expect(routeEvent(event, { ts: 1 })).toEqual(ALL);
    expect(routeEvent(event, undefined)).toEqual(ALL);
    expect(routeEvent(event, { sessionKey: A, request: { sessionKey: A } }, { sessionKeys: [B] })).toEqual(ALL);
    expect(routeEvent(event, { sessionKey: 7 })).toEqual(ALL);
  });

  test.each([
    "exec.approvals.x",
    "my.exec.approval.requested",
    "exec.approval",
    "node.pairing",
    "ticks",
    "exec.approvalx.y",
  ])("%s only looks like an open event and is scoped", (event) => {
    expect(routeEvent(event, { sessionKey: A })).toMatchObject({ to: "session" });
  });
});

describe("sessions.changed", () => {
  test.each([
    [{ sessionKey: A }, [A]],
    [{ key: A }, [A]],
    [{ session: { key: A } }, [A]],
    [{}, []],
    [undefined, []],
  ])("sessions.changed with %j goes to the list", (payload, keys) => {
    expect(routeEvent("sessions.changed", payload)).toMatchObject({ to: "roster", keys });
  });

  test("sessions.changed with a malformed key goes to nobody", () => {
    expect(routeEvent("sessions.changed", { key: ["x"] })).toEqual(BAD_KEY);
  });
});

describe("an event with a malformed key", () => {
  const malformed: [string, unknown][] = [
    ["a number", 42],
    ["zero", 0],
    ["false", false],
    ["a list", [A]],
    ["an empty list", []],
    ["an object", { key: A }],
    ["a megabyte", "k".repeat(2 ** 20)],
    ["control characters", "agent:main:a\u0000"],
    ["two lines", `${A}\n${B}`],
    ["blanks", "   "],
  ];

  test.each(malformed)("an event with %s in a field goes to nobody", (_, key) => {
    for (const event of ["chat", "session.message", "made.up", "sessions.changed"]) {
      expect(routeEvent(event, { sessionKey: key })).toEqual(BAD_KEY);
      expect(routeEvent(event, { session: { key } })).toEqual(BAD_KEY);
      expect(routeEvent(event, { request: { sessionKey: key } })).toEqual(BAD_KEY);
    }
    expect(routeEvent("session.message", { key })).toEqual(BAD_KEY);
  });

  test.each(malformed)("an event with %s in a list with a good key goes to nobody", (_, key) => {
    expect(routeEvent("chat", {}, { sessionKeys: [A, key] })).toEqual(BAD_KEY);
    expect(routeEvent("chat", { sessionKey: A }, { sessionKeys: [key] })).toEqual(BAD_KEY);
    expect(routeEvent("made.up", { sessionKeys: [key, A] })).toEqual(BAD_KEY);
  });

  test.each([[undefined], [null], [""]])("an event with %j in a list goes to nobody", (key) => {
    expect(routeEvent("chat", {}, { sessionKeys: [key] })).toEqual(BAD_KEY);
    expect(routeEvent("made.up", { sessionKeys: [A, key] })).toEqual(BAD_KEY);
  });

  test("__proto__ is a session key like any other", () => {
    expect(routeEvent("made.up", { sessionKey: "__proto__" })).toMatchObject({ to: "session", keys: ["__proto__"] });
  });
});

describe("a hostile payload", () => {
  test("a hostile payload cannot set a key through its own __proto__ property", () => {
    const payload: unknown = JSON.parse(`{"__proto__": {"sessionKey": "${A}"}}`);
    expect(routeEvent("chat", payload)).toEqual(NO_KEY);
  });

  test("a hostile payload cannot name a session through a list's named property", () => {
    expect(routeEvent("chat", Object.assign([], { sessionKey: A }))).toEqual(NO_KEY);
    expect(routeEvent("chat", {}, Object.assign([], { sessionKeys: [A] }))).toEqual(NO_KEY);
  });

  test("a hostile payload that throws when read passes the error on for the caller to count", () => {
    const payload = {
      get sessionKey(): string {
        throw new Error("trap");
      },
    };
    expect(() => routeEvent("chat", payload)).toThrow("trap");
    expect(routeEvent("tick", payload)).toEqual(ALL);
  });

  test("a payload is neither changed nor kept", () => {
    const payload = Object.freeze({ sessionKey: A, session: Object.freeze({ key: B }) });
    const opts = Object.freeze({ sessionKeys: Object.freeze([A]) });
    const route = routeEvent("chat", payload, opts);
    expect(route).toMatchObject({ to: "session", keys: [A] });
    expect("keys" in route && route.keys).not.toBe(opts.sessionKeys);
  });
});

describe("a malformed list of keys", () => {
  test.each([[A], [{ 0: A }], [7]])(
    "an event whose options have %j instead of a list of keys goes to nobody",
    (sessionKeys) => {
      expect(routeEvent("made.up", { text: "secret" }, { sessionKeys })).toEqual({ to: "nobody", reason: "bad-key" });
    },
  );
  test.each([[A], [{ 0: A }], [7]])(
    "an event whose payload has %j instead of a list of keys goes to nobody",
    (sessionKeys) => {
      expect(routeEvent("made.up", { text: "secret", sessionKeys })).toEqual({ to: "nobody", reason: "bad-key" });
    },
  );
  test("an empty session.sessionKey does not hide session.key", () => {
    expect(routeEvent("made.up", { session: { sessionKey: "", key: A } })).toMatchObject({ to: "session", keys: [A] });
  });
});

describe("an event that holds a session key somewhere", () => {
  const found = { to: "session", keys: [A], found: true };

  test.each([
    ["under a name that stands for a session", { job: { run: { childSessionKey: A } } }],
    ["as a whole text under any name", { rows: [{ id: 1 }, { id: 2, of: A }] }],
    ["as the name of a property", { byKey: { [A]: 3 } }],
    ["in an address", { url: `http://127.0.0.1/chat?session=${encodeURIComponent(A)}&x=1` }],
  ])("belongs to that session when it holds the key %s", (_, payload) => {
    expect(routeEvent("made.up", payload)).toMatchObject(found);
    expect(routeEvent("plugin.made.up", payload)).toMatchObject(found);
  });

  test("goes to nobody when only prose quotes the key: a model or a user may have written it", () => {
    const quoting = { text: `see ${A}, please` };
    expect(routeEvent("made.up", quoting)).toEqual({ to: "nobody", reason: "no-key" });
    expect(routeEvent("plugin.made.up", quoting)).toEqual({ to: "nobody", reason: "no-key" });
    for (const event of ["cron", "task", "heartbeat"]) {
      expect(routeEvent(event, { summary: `see ${A}`, preview: A })).toEqual({ to: "nobody", reason: "no-key" });
    }
  });

  test("belongs to the session that it names, and those that it quotes only restrict it", () => {
    const payload = { sessionKey: B, summary: `see ${A}`, title: A };
    expect(routeEvent("cron", payload, { sessionKeys: [B] })).toMatchObject({ keys: [B], besides: [A], found: true });
  });

  test("goes to the connections that upstream chose, whatever it holds", () => {
    expect(routeEvent("made.up", { text: A }, undefined, undefined, true)).toEqual({ to: "all" });
  });

  test("goes to nobody when it is too large to be looked through", () => {
    const rows = Array.from({ length: 30_000 }, (_, n) => ({ n }));
    expect(routeEvent("made.up", { rows })).toEqual({ to: "nobody", reason: "too-large" });
    expect(routeEvent("made.up", { text: "x".repeat(10_000_000) })).toEqual({ to: "nobody", reason: "too-large" });
  });
});

test.each(["plugin.note", "talk.event", "cron", "task", "health", "presence", "portal.changed"])(
  "%s goes whole to nobody when it names no session, unless upstream chose who gets it",
  (event) => {
    expect(routeEvent(event, { text: "words" })).toEqual({ to: "nobody", reason: "no-key" });
    expect(routeEvent(event, { text: "words" }, undefined, undefined, true)).toEqual({ to: "all" });
  },
);

test("a child's event names the session that spawned it", () => {
  expect(routeEvent("chat", { sessionKey: A, spawnedBy: B, runId: "r" })).toMatchObject({ keys: [A], parent: B });
  expect(routeEvent("chat", { sessionKey: A, spawnedBy: "\u0000" })).not.toHaveProperty("parent");
});

test("the key of a plain event is the one that its route has, for every event that has such a key", () => {
  const value = fc.constantFrom<unknown>(undefined, null, "", "agent:main:a", " agent:main:b ", "x\u0000", 7);
  const lists = fc.oneof(value, fc.array(value, { maxLength: 2 }));
  const body = fc.record(
    { sessionKey: value, agentId: value, runId: value, spawnedBy: value, session: fc.record({ key: value }) },
    { requiredKeys: ["sessionKey"] },
  );
  const event = fc.constantFrom("chat", "agent", "chat", "agent", "session.tool", "sessions.changed", "tick");
  const opts = fc.oneof(value, fc.record({ sessionKeys: lists, agentId: value }, { requiredKeys: [] }));
  let plain = 0;
  fc.assert(
    fc.property(event, fc.oneof(body, value), opts, (name, payload, options) => {
      const key = plainKey(name, payload, options, usableSessionKey);
      if (key === undefined) return;
      plain += 1;
      const { runId } = payload as { runId?: unknown };
      expect(["chat", "agent"]).toContain(name);
      expect(routeEvent(name, payload, options)).toMatchObject({ to: "session", keys: [key] });
      expect(routeEvent(name, payload, options)).not.toHaveProperty("parent");
      expect((routeEvent(name, payload, options) as { runId?: unknown }).runId).toBe(
        typeof runId === "string" && runId !== "" ? runId : undefined,
      );
    }),
    { numRuns: 10_000 },
  );
  expect(plain).toBeGreaterThan(20);
});
