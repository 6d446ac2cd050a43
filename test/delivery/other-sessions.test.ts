/**
 * What names or quotes a session says nothing about whose content it is, unless the gateway put it there: hostile
 * texts, ids and keys, on the real composition.
 */
import { describe, expect, test, vi } from "vitest";
import { Returning } from "../../src/delivery/returning.ts";
import { scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, global, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:alice";
const B = "agent:main:bob";
const ACCESS = [{ match: { clientId: "bob" }, sessions: [B, `${B}:*`] }, { sessions: ["*"] }];

const said = ({ frames }: FakeClient): string => JSON.stringify(frames);

/** Two clients, each of which claims a session of its own. */
function two(make = perConnection, settings = {}) {
  const gateway = scopedGateway(make, { settings });
  const client = (id: string): FakeClient => gateway.connect(id, [], { role: "operator", client: { id } });
  const [alice, bob] = [client("alice"), client("bob")];
  gateway.accepted(alice, "chat.history", { sessionKey: A });
  gateway.accepted(bob, "chat.history", { sessionKey: B });
  return { gateway, alice, bob, broadcast: gateway.broadcaster.broadcast };
}

describe.each([
  ["numbers per connection", perConnection],
  ["numbers over all", global],
])("on a release with %s", (_, make) => {
  test.each([
    ["cron", { action: "finished", jobId: "j", sessionKey: A, summary: `SECRET, see ${B}` }, { sessionKeys: [A] }],
    ["cron", { action: "finished", jobId: "j", summary: `SECRET, see ${B}` }, undefined],
    ["task", { action: "upserted", task: { id: "t", sessionKey: A, title: `SECRET ask ${B}` } }, undefined],
    ["heartbeat", { status: "sent", preview: `SECRET, waiting for ${B}`, to: "+1555" }, undefined],
    ["plugin.made.up", { text: `SECRET for ${B} only` }, undefined],
  ])("a text of %s that quotes a session brings nothing to whoever claims that session", (event, payload, opts) => {
    const { bob, broadcast } = two(make as typeof perConnection);
    broadcast(event, payload, opts);
    expect(said(bob)).not.toContain("SECRET");
  });
});

test("a client that comes back does not get a session that it left by a request handled after its connection had closed", () => {
  const returning = new Returning(
    () => "phone",
    () => {},
  );
  const gateway = scopedGateway(perConnection, { returning });
  const first = gateway.connect("first");
  for (const sessionKey of [A, B]) gateway.accepted(first, "chat.history", { sessionKey });
  gateway.disconnect(first);
  gateway.accepted(first, "sessions.messages.unsubscribe", { key: A });
  const second = gateway.connect("second");
  for (const sessionKey of [A, B]) gateway.broadcaster.broadcast("chat", { sessionKey, runId: "r", state: "final" });
  expect(second.frames.map(({ payload }) => payload)).toEqual([{ sessionKey: B, runId: "r", state: "final" }]);
});

test("an answer that quotes another session goes to the session of its question", () => {
  const { alice, bob, broadcast } = two();
  broadcast("question.requested", { id: "q", sessionKey: A, questions: [] });
  broadcast("question.resolved", { id: "q", answers: { answers: { x: `SECRET, use ${B}`, y: B } } });
  expect(said(alice)).toContain("SECRET");
  expect(said(bob)).not.toContain("SECRET");
});

test.each([
  ["is under way", { status: "in_flight" }, {}],
  ["was accepted before", { status: "accepted" }, { repeated: true } as const],
])("whoever guesses the id of another's run, which %s, gets no frame of its session", (_, status, more) => {
  const { gateway, bob, broadcast } = two();
  const answer = { runId: "k1", sessionKey: A, ...status };
  const request = gateway.ask(bob, "agent", { sessionKey: B, message: "m", idempotencyKey: "k1" });
  request.answered({ ok: true, payload: answer, ...more });
  broadcast("chat", { sessionKey: A, runId: "k1", state: "delta", message: "SECRET" });
  broadcast("chat", { sessionKey: A, runId: "other", state: "delta", message: "SECRET" });
  expect(said(bob)).not.toContain("SECRET");
});

describe("under access rules", () => {
  const refusal = (method: string, params: object) => {
    const { gateway, bob, broadcast } = two(perConnection, { access: ACCESS });
    broadcast("agent", { sessionKey: A, runId: "run-of-alice", stream: "lifecycle", data: { phase: "start" } });
    const admission = gateway.scope.access.admit(bob, method, params);
    return admission && "refuse" in admission ? admission.refuse.code : undefined;
  };

  test.each(["agent", "chat.send"])("%s with the id of a denied session's run is refused", (method) => {
    const ask = (idempotencyKey: string) => refusal(method, { sessionKey: B, message: "m", idempotencyKey });
    expect(ask("run-of-alice")).toBe("FORBIDDEN");
    expect(ask("run-of-bob")).toBeUndefined();
  });

  test("a key that leads to another folder is refused", () => {
    for (const rest of ["/../alice", "/../../../ops/sessions/x", "\\..\\alice", ".."]) {
      expect(refusal("sessions.usage.logs", { key: `${B}:${rest}` })).toBe("FORBIDDEN");
    }
    expect(refusal("sessions.usage.logs", { key: `${B}:a.b/c..d` })).toBeUndefined();
  });

  test("the list of presence has no texts of system events", () => {
    const { gateway, bob } = two(perConnection, { access: ACCESS });
    const admission = gateway.scope.access.admit(bob, "system-presence", {});
    if (!admission || "refuse" in admission) throw new Error("not admitted");
    const rows = [{ host: "a", text: "SECRET", reason: "SECRET, too" }];
    expect(admission.answering!({ ok: true, payload: rows })).toEqual({ ok: true, payload: [{ host: "a" }] });
  });

  test.each([
    ["to all", "broadcast"],
    ["to connections of its choice", "broadcastToConnIds"],
  ] as const)(
    "a row that the release sends %s names no parent and no child to a client that the rules deny it",
    (_, way) => {
      const { gateway, alice, bob } = two(perConnection, { access: ACCESS });
      for (const client of [alice, bob]) gateway.accepted(client, "sessions.subscribe", {});
      const row = { sessionKey: B, spawnedBy: A, childSessions: [A, `${B}:child`] };
      const ids = new Set([alice.connId, bob.connId]);
      if (way === "broadcast") gateway.broadcaster.broadcast("sessions.changed", row);
      else gateway.broadcaster.broadcastToConnIds!("sessions.changed", row, ids);
      expect(said(alice)).toContain(A);
      expect(said(bob)).toContain(`${B}:child`);
      expect(said(bob)).not.toContain(A);
    },
  );

  test("a client under rules gets its own version of a row, and the gateway's plugins hear of the row once", () => {
    const told: unknown[] = [];
    const telling: typeof perConnection = (params) => {
      const upstream = perConnection(params);
      return {
        ...upstream,
        broadcast: (event, payload, opts) => {
          if (typeof (payload as { sessionKey?: unknown }).sessionKey === "string") told.push(payload);
          upstream.broadcast(event, payload, opts);
        },
      };
    };
    const asked = vi.fn(() => true);
    const gateway = scopedGateway(telling, {
      settings: { access: ACCESS },
      params: { canReceiveSessionEvent: asked },
    });
    const [alice, bob] = ["alice", "bob"].map((id) =>
      gateway.connect(id, [], { role: "operator", client: { id } }),
    ) as [FakeClient, FakeClient];
    for (const client of [alice, bob]) gateway.accepted(client, "sessions.subscribe", {});
    gateway.broadcaster.broadcast("sessions.changed", { sessionKey: B, spawnedBy: A, agentId: "main" });
    expect(told).toHaveLength(1);
    expect([alice, bob].map(({ frames }) => frames.map(({ payload }) => payload))).toEqual([
      [{ sessionKey: B, spawnedBy: A, agentId: "main" }],
      [{ sessionKey: B, agentId: "main" }],
    ]);
    expect(asked).toHaveBeenLastCalledWith(bob, [B], "main", "sessions.changed", expect.anything());
  });

  test.each([
    ["up to 2026.7", {}],
    ["from 2026.8 on", { canReceiveSessionEvent: () => true }],
  ])("an event names no parent and no child to a client that the rules deny it, %s", (_, params) => {
    const gateway = scopedGateway(perConnection, { settings: { access: ACCESS }, params });
    const [alice, bob] = ["alice", "bob"].map((id) =>
      gateway.connect(id, [], { role: "operator", client: { id } }),
    ) as [FakeClient, FakeClient];
    gateway.accepted(alice, "chat.history", { sessionKey: B });
    const event = (seq: number) => ({
      sessionKey: B,
      seq,
      spawnedBy: A,
      childSessions: [A],
      session: { key: B, parentSessionKey: A },
      message: { content: [{ arguments: { sessionKey: "agent:main:any" } }] },
    });
    // The first is held until the answer.
    const pending = gateway.ask(bob, "chat.history", { sessionKey: B });
    gateway.broadcaster.broadcast("session.message", event(1));
    pending.answered({ ok: true, payload: {} });
    gateway.broadcaster.broadcast("session.message", event(2));
    expect(alice.frames.map(({ payload }) => payload)).toEqual([event(1), event(2)]);
    const { message } = event(1);
    const own = (seq: number) => ({ sessionKey: B, seq, childSessions: [], session: { key: B }, message });
    expect(bob.frames.map(({ payload }) => payload)).toEqual([own(1), own(2)]);
    expect(bob.frames.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test.each([
    ["up to 2026.7", {}],
    ["from 2026.8 on", { canReceiveSessionEvent: () => true }],
  ])("each client gets all that the rules allow it, whatever they deny to others, %s", (_, params) => {
    const CHILDREN = ["bob", "carol"].map((id) => `${A}:${id}`);
    const access = ["bob", "carol"].map((id) => ({ match: { clientId: id }, sessions: [A, `${A}:${id}`] }));
    const gateway = scopedGateway(perConnection, { settings: { access: [...access, { sessions: ["*"] }] }, params });
    const clients = ["alice", "bob", "carol"].map((id) => gateway.connect(id, [], { client: { id } }));
    for (const client of clients) gateway.accepted(client, "sessions.subscribe", {});
    for (const client of clients) gateway.accepted(client, "chat.history", { sessionKey: A });
    gateway.broadcaster.broadcast("sessions.changed", { sessionKey: A, childSessions: CHILDREN });
    gateway.broadcaster.broadcast("session.message", { sessionKey: A, childSessions: CHILDREN });
    const children = clients.map(({ frames }) => frames.map((frame) => (frame.payload as typeof row).childSessions));
    const row = { childSessions: CHILDREN };
    expect(children).toEqual([CHILDREN, [CHILDREN[0]], [CHILDREN[1]]].map((each) => [each, each]));
  });

  test("a denied child's approval is not for its parent's claimers, however it is sent", () => {
    const { bob, broadcast } = two(perConnection, { access: ACCESS });
    const approval = { sessionKey: B, sourceSessionKey: A, approval: { command: "SECRET" } };
    broadcast("session.approval", approval);
    expect(said(bob)).not.toContain("SECRET");
    broadcast("session.approval", { ...approval, sourceSessionKey: B });
    expect(said(bob)).toContain("SECRET");
  });
});
