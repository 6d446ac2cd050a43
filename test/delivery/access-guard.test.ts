/** The guard on the real composition: what is known of a connection can change. */
import { expect, test } from "vitest";
import { parseSettings } from "../../src/policy/settings.ts";
import { scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, fakeClient, perConnection } from "../support/stand-in/stand-ins.ts";

const KEY = "agent:main:ada:x";
const access = [{ match: { user: "ada" }, sessions: ["agent:main:{user}:*"] }];

function refusal(gateway: ReturnType<typeof scopedGateway>, client: FakeClient, method: string, params: object) {
  const admission = gateway.scope.access.admit(client, method, params);
  return admission && "refuse" in admission ? admission.refuse : undefined;
}

test("a denial has upstream's shape and is counted", () => {
  const gateway = scopedGateway(perConnection, { settings: { access } });
  const client = gateway.connect("c");
  expect(refusal(gateway, client, "chat.history", { sessionKey: KEY })).toEqual({
    code: "FORBIDDEN",
    message: expect.stringContaining("session access denied: chat.history"),
    retryable: false,
    details: { reason: "session-access-denied", method: "chat.history" },
  });
  expect(refusal(gateway, client, "cron.list", {})?.message).toContain("does not allow this method");
  expect(gateway.scope.status().events).toEqual({ "(request)": { "access-denied": 2 } });
});

test("a user who becomes known gets the sessions then, and one who is no longer known loses the claims", () => {
  const gateway = scopedGateway(perConnection, { settings: { access } });
  const client = gateway.connect("c") as FakeClient & { authenticatedUserId?: string };
  const ask = () => refusal(gateway, client, "chat.history", { sessionKey: KEY });
  expect(ask()?.code).toBe("FORBIDDEN");
  client.authenticatedUserId = "ada";
  expect(ask()).toBeUndefined();
  gateway.accepted(client, "chat.history", { sessionKey: KEY });
  expect(gateway.scope.status().claims).toBe(1);
  client.authenticatedUserId = "eve";
  expect(ask()?.code).toBe("FORBIDDEN");
  expect(gateway.scope.status().claims).toBe(0);
});

/** One request of a connection under the rules, and a way to answer it. */
function asked(gateway: ReturnType<typeof scopedGateway>, client: FakeClient, method: string, params = {}) {
  const admission = gateway.scope.access.admit(client, method, params);
  if (!admission || "refuse" in admission) throw new Error("the answers are not looked at");
  return (payload: unknown) => admission.answering!({ ok: true, payload });
}

const FORBIDDEN = { ok: false, error: { code: "FORBIDDEN" } };

test("an answer is checked by the rules of the moment at which it comes", () => {
  const gateway = scopedGateway(perConnection, { settings: { access: [{ sessions: ["agent:main:*"] }] } });
  const client = gateway.connect("c");
  const answer = asked(gateway, client, "sessions.create", { key: KEY });
  expect(answer({ key: KEY, sessions: [{ key: KEY }, { key: "agent:x:y" }] })).toEqual({
    ok: true,
    payload: { key: KEY, sessions: [{ key: KEY }] },
  });
  gateway.scope.access.update(parseSettings({ access: [{ sessions: ["agent:main:main"] }] }));
  expect(answer({ key: KEY })).toMatchObject(FORBIDDEN);
  gateway.scope.access.update(parseSettings({}));
  expect(asked(scopedGateway(perConnection, { settings: { access } }), client, "sessions.list")).toBeDefined();
});

test("an answer that could not be checked is refused and counted", () => {
  const gateway = scopedGateway(perConnection, { settings: { access: [{ sessions: ["agent:main:*"] }] } });
  const broken = {
    get sessions(): never {
      throw new Error("upstream's");
    },
  };
  expect(asked(gateway, gateway.connect("c"), "sessions.create", { key: KEY })(broken)).toMatchObject(FORBIDDEN);
  expect(gateway.scope.status().events).toEqual({ "(request)": { error: 1 } });
});

test("a refusal holds for every answer that is still to come, as `agent` gives two", () => {
  const gateway = scopedGateway(perConnection, { settings: { access: [{ sessions: ["agent:main:ada:*"] }] } });
  const answer = asked(gateway, gateway.connect("c"), "sessions.create", { key: KEY });
  expect(answer({ key: "agent:main:eve:x" })).toMatchObject(FORBIDDEN);
  expect(answer({ key: KEY, text: "the reply" })).toMatchObject(FORBIDDEN);
  expect(answer({ text: "the reply" })).toMatchObject(FORBIDDEN);
});

test("requests are not checked without rules, with all sessions, and for nodes", () => {
  const free = scopedGateway(perConnection);
  expect(free.scope.access.admit(free.connect("c"), "cron.list", {})).toBeUndefined();
  const ruled = scopedGateway(perConnection, { settings: { access: [{ sessions: ["*"] }] } });
  expect(ruled.scope.access.admit(ruled.connect("c"), "cron.list", {})).toBeUndefined();
  const node = fakeClient("n", { role: "node" });
  ruled.clients.add(node);
  expect(ruled.scope.access.admit(node, "node.event", {})).toBeUndefined();
  // Even if it got as far as a claim, it would come to nothing.
  ruled.accepted(node, "chat.history", { sessionKey: KEY });
  expect(ruled.scope.status().claims).toBe(0);
});

const RULED = { settings: { access: [{ sessions: ["agent:main:ada:*"] }] } };

test("a look-up that finds a denied session is answered like one that finds none", () => {
  const ask = (params: object, answer: { ok: boolean; payload?: unknown; error?: never }) => {
    const gateway = scopedGateway(perConnection, RULED);
    const admission = gateway.scope.access.admit(gateway.connect("c"), "sessions.resolve", params);
    if (!admission || "refuse" in admission) throw new Error("the answers are not looked at");
    return admission.answering!(answer);
  };
  const denied = { ok: true, payload: { ok: true, key: "agent:main:eve:x" } };
  const several = (...keys: string[]) => ({
    ok: true,
    payload: { ok: false, candidates: keys.map((key) => ({ key, displayName: key })) },
  });
  const none: { ok: boolean; error: never } = { ok: false, error: { code: "INVALID_REQUEST", message: "No" } as never };
  const nothing = ask({ shortId: "12345678" }, none);
  expect(nothing).toMatchObject(FORBIDDEN);
  expect(ask({ shortId: "12345678" }, denied)).toEqual(nothing);
  expect(ask({ shortId: "12345678" }, several("agent:main:eve:x", "agent:main:eve:y"))).toEqual(nothing);
  expect(ask({ shortId: "12345678" }, { ok: true, payload: { ok: false } })).toEqual(nothing);
  for (const answer of [none, denied, several("agent:main:eve:x")]) {
    expect(ask({ shortId: "12345678", allowMissing: true }, answer)).toEqual({ ok: true, payload: { ok: false } });
  }
  const found = { ok: true, payload: { ok: true, key: KEY, displayName: KEY } };
  expect(ask({ shortId: "12345678" }, several("agent:main:eve:x", KEY))).toEqual(found);
  expect(ask({ shortId: "12345678" }, several(KEY, "agent:main:ada:y", "agent:main:eve:x")).payload).toMatchObject({
    candidates: [{ key: KEY }, { key: "agent:main:ada:y" }],
  });
});

test("a page of the list is made of the rows that are allowed, whatever else there is", () => {
  const ADA = Array.from({ length: 7 }, (_, n) => `agent:main:ada:${n}`);
  const page = (wanted: object, keys: readonly string[]) => {
    const params = { ...wanted };
    const gateway = scopedGateway(perConnection, RULED);
    const admission = gateway.scope.access.admit(gateway.connect("c"), "sessions.list", params);
    if (!admission || "refuse" in admission) throw new Error("the answers are not looked at");
    const { limit } = params as { limit: number };
    const rows = keys.slice(0, limit).map((key) => ({ key }));
    const counts = {
      count: rows.length,
      totalCount: keys.length,
      limitApplied: limit,
      hasMore: false,
      nextOffset: null,
    };
    const owners = keys.map((key) => ({ id: key }));
    return admission.answering!({ ok: true, payload: { ...counts, owners, sessions: rows } }).payload as object;
  };
  const others = ADA.flatMap((key) => ["agent:main:eve:1", key, "agent:main:eve:2", "agent:main:eve:3"]);
  for (const params of [{}, { limit: 3 }, { limit: 3, offset: 3 }, { limit: 3, offset: 6 }, { offset: 100 }]) {
    expect(page(params, others)).toEqual(page(params, ADA));
  }
  expect(page({ limit: 3, offset: 3 }, others)).toEqual({
    count: 3,
    totalCount: 7,
    limitApplied: 3,
    offset: 3,
    nextOffset: 6,
    hasMore: true,
    owners: [],
    sessions: ADA.slice(3, 6).map((key) => ({ key })),
  });
});

test("a denial for a parameter names it, as far as a client's text may be repeated", () => {
  const gateway = scopedGateway(perConnection, RULED);
  const client = gateway.connect("c");
  const name = "x".repeat(200);
  expect(refusal(gateway, client, "chat.send", { sessionKey: KEY, originatingTo: "+1" })).toMatchObject({
    message: expect.stringContaining('chat.send: the parameter "originatingTo" could lead to'),
    details: { reason: "session-access-denied", method: "chat.send", parameter: "originatingTo" },
  });
  expect(refusal(gateway, client, "chat.send", { sessionKey: KEY, [name]: 1 })!.message.length).toBeLessThan(250);
});

test("an approval of a child goes to those of the parent's claimants who may have the child", () => {
  const parent = "agent:main:ada:x";
  const approval = (sourceSessionKey?: string) => ({
    sessionKey: parent,
    sourceSessionKey,
    approval: { command: "ls" },
  });
  const frames = (settings: object) => {
    const gateway = scopedGateway(perConnection, settings);
    const client = gateway.connect("c", ["operator.read", "operator.approvals"]);
    gateway.accepted(client, "chat.history", { sessionKey: parent });
    for (const child of [undefined, "agent:main:ada:child", "agent:main:eve:child", "\u0000"]) {
      gateway.broadcaster.broadcastToConnIds!("session.approval", approval(child), new Set(["c"]));
    }
    return client.frames.map(({ payload }) => (payload as { sourceSessionKey?: string }).sourceSessionKey);
  };
  expect(frames(RULED)).toEqual([undefined, "agent:main:ada:child"]);
  expect(frames({})).toHaveLength(4);
});

test("a run is known by its events: who may use its session may abort it, and nobody else, whoever chose its id", () => {
  const gateway = scopedGateway(perConnection, RULED);
  const client = gateway.connect("c");
  const abort = (runId: string) => refusal(gateway, client, "chat.abort", { sessionKey: KEY, runId })?.code;
  expect(abort("r1")).toBe("FORBIDDEN");
  gateway.broadcaster.broadcast("agent", { sessionKey: KEY, runId: "r1" });
  gateway.broadcaster.broadcast("agent", { sessionKey: "agent:main:eve:x", runId: "r2" });
  expect([abort("r1"), abort("r2"), abort("r3")]).toEqual([undefined, "FORBIDDEN", "FORBIDDEN"]);
  // An idempotency key is the run's id: a message with another run's makes it no run of one's own.
  gateway.ask(client, "chat.send", { sessionKey: KEY }).answered!({ ok: true, payload: { runId: "r2" } });
  gateway.ask(client, "chat.send", { sessionKey: KEY }).answered!({ ok: true, payload: { runId: "r4" } });
  expect([abort("r2"), abort("r4")]).toEqual(["FORBIDDEN", undefined]);
});

test("parameters are changed in the request's own object, and replaced where it has none", () => {
  const gateway = scopedGateway(perConnection, RULED);
  const client = gateway.connect("c");
  const params = { sessionKey: KEY, message: "hi", sessionId: "s" };
  expect(gateway.scope.access.admit(client, "chat.send", params)).not.toHaveProperty("params");
  expect(params).toEqual({ sessionKey: KEY, message: "hi" });
  expect(gateway.scope.access.admit(client, "sessions.list", Object.freeze({}))).toMatchObject({
    params: { limit: 10_000 },
  });
});
