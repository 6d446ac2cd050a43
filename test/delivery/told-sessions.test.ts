/**
 * What rows, events and answers tell a client under access rules of other sessions, and that it loses nothing of its
 * own. Keys and payloads are cut down from real frames.
 */
import { describe, expect, test } from "vitest";
import { GatewayScope } from "../../src/delivery/gateway-scope.ts";
import { SessionKeys } from "../../src/gateway/session-keys.ts";
import { allowedEvent, allowedRows } from "../../src/policy/access-answers.ts";
import { parseSettings } from "../../src/policy/settings.ts";
import { scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, fakeClient, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:alice";
const B = "agent:main:bob";
const ACCESS = [{ match: { clientId: "bob" }, sessions: [B, `${B}:*`] }, { sessions: ["*"] }];
const canonical = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const said = ({ frames }: FakeClient): string => JSON.stringify(frames);

function connected(settings: object, ids: readonly string[], params = {}) {
  const gateway = scopedGateway(perConnection, { settings, params });
  return { gateway, clients: ids.map((id) => gateway.connect(id, ["operator.read"], { client: { id } })) };
}

/** One claimer of B. */
function claimer(id: string, settings: object, params = {}) {
  const { gateway, clients } = connected(settings, [id], params);
  gateway.accepted(clients[0]!, "chat.history", { sessionKey: B });
  return { gateway, client: clients[0]! };
}

/** The answer to a request of Bob's, from the gateway's own answer. */
function answered(scope: GatewayScope, bob: FakeClient, method: string, params: object, answer: object) {
  const admission = scope.access.admit(bob, method, params);
  if (admission && "refuse" in admission) throw new Error("the request was refused");
  const { answering } = admission ?? {};
  return answering ? answering(answer as Parameters<typeof answering>[0]) : answer;
}

describe("a plugin's event reaches the restricted clients of its session", () => {
  test.each([
    ["that has a row", { session: { key: B, n: 1 } }],
    ["that names a session", { targetSessionKey: B }],
  ])("%s", (_, more) => {
    const { gateway, client } = claimer("bob", { access: ACCESS });
    gateway.broadcaster.broadcastPluginEvent!("plugin.made.up", { sessionKey: B, ...more }, "operator.read");
    expect(client.frames.map(({ payload }) => payload)).toEqual([{ sessionKey: B, ...more }]);
  });
});

describe("further references of a row, from 2026.8 on", () => {
  const FORK = { forkSource: { sessionKey: A, sessionId: "s" } };
  const SWARM = { swarmGroupId: `swarm:${A}:run` };

  test.each([
    ["forkSource", "session.message", FORK],
    ["forkSource", "session.tool", FORK],
    ["swarmGroupId", "session.message", SWARM],
  ])("%s of %s names no session that the rules deny", (_, event, more) => {
    const { gateway, client } = claimer("bob", { access: ACCESS });
    gateway.broadcaster.broadcast(event, { sessionKey: B, ...more, session: { key: B, ...more } });
    expect(said(client)).not.toContain(A);
  });

  test("swarmGroupId of a roster row names no session that the rules deny", () => {
    const { gateway, client } = claimer("bob", { access: ACCESS });
    gateway.accepted(client, "sessions.subscribe", {});
    gateway.broadcaster.broadcast("sessions.changed", { sessionKey: B, ...SWARM });
    expect(client.frames).toHaveLength(1);
    expect(said(client)).not.toContain(A);
  });

  // By 2026.9's own projection, without rules: the keys of parents and children are taken out there.
  test.each([
    ["forkSource", FORK],
    ["swarmGroupId", SWARM],
  ])("%s in a version that the gateway makes names no session that the client does not know", (_, more) => {
    const asked: { project?: (client: FakeClient) => unknown } = {};
    const event = { sessionKey: B, parentSessionKey: A, ...more };
    scopedGateway(
      (params) => {
        const project = params.prepareSessionEventProjection?.("session.message", event, {});
        asked.project = project as NonNullable<typeof asked.project>;
        return perConnection(params);
      },
      { params: { prepareSessionEventProjection: () => () => ({ ...event, session: { key: B } }) } },
    );
    expect(JSON.stringify(asked.project!(fakeClient("someone")))).not.toContain(A);
  });
});

describe("answers", () => {
  const bobs = () => {
    const { gateway, clients } = connected({ access: ACCESS }, ["bob"]);
    return [gateway.scope, clients[0]!] as const;
  };

  test("what is new in a transcript (2026.8, 2026.9: by a cursor) are events: their rows name no denied session", () => {
    const message = { role: "assistant", content: [{ arguments: { sessionKey: "agent:main:any" } }] };
    const refers = { parentSessionKey: A, childSessions: [A], forkSource: { sessionKey: A } };
    const event = { sessionKey: B, message, ...refers, session: { key: B, ...refers } };
    const payload = { kind: "delta", messages: [event], deltaCursor: "d" };
    const shown = answered(...bobs(), "chat.history", { sessionKey: B, cursor: "c" }, { ok: true, payload });
    expect(JSON.stringify(shown)).not.toContain(A);
    expect(JSON.stringify(shown)).toContain(JSON.stringify(message));
  });

  test("an error names no denied session", () => {
    const error = { code: "UNAVAILABLE", message: `worktree name is already in use by session ${A}: shared` };
    expect(JSON.stringify(answered(...bobs(), "sessions.create", { key: B }, { ok: false, error }))).not.toContain(A);
    const own = { code: "UNAVAILABLE", message: `no such file in ${B}.` };
    expect(answered(...bobs(), "sessions.create", { key: B }, { ok: false, error: own })).toMatchObject({ error: own });
  });

  test("the name of a worktree, which is unique, is for clients that may use all of the agent's sessions", () => {
    const named = { key: B, worktree: true, worktreeName: "shared" };
    expect(() => answered(...bobs(), "sessions.create", named, { ok: true })).toThrow("refused");
    const { gateway, clients } = connected({ access: [{ match: {}, sessions: ["agent:main:*"] }] }, ["bob"]);
    expect(answered(gateway.scope, clients[0]!, "sessions.create", named, { ok: true, payload: {} })).toBeTruthy();
  });

  test("a task's row names no denied session as its owner", () => {
    const payload = { tasks: [{ id: "t", sessionKey: B, ownerKey: A }] };
    const shown = answered(...bobs(), "tasks.list", { sessionKey: B }, { ok: true, payload });
    expect(JSON.stringify(shown)).toContain('"id":"t"');
    expect(JSON.stringify(shown)).not.toContain(A);
  });
});

describe("a session `global` with the agent that the request names, from 2026.8 on", () => {
  const ASK = { agentId: "ops" };
  const ask = (method: string, params: object, payload: object, ok = true) => {
    const keys = new SessionKeys(
      () => ({ session: { scope: "global" } }),
      () => ({ subscriptionKey: (key, agentId) => `agent:${agentId}:${key}` }),
    );
    const access = [{ match: { clientId: "bob" }, sessions: ["agent:ops:*"] }];
    const scope = new GatewayScope(keys, parseSettings({ access }), { warn: () => {}, connected: () => {} });
    const bob = fakeClient("bob", { role: "operator", client: { id: "bob" } });
    scope.connected(bob);
    return answered(scope, bob, method, { ...params, ...ASK }, ok ? { ok, payload } : { ok, error: payload });
  };

  test("chat.history answers with its key", () => {
    const payload = { sessionKey: "global", messages: [] };
    expect(ask("chat.history", { sessionKey: "global" }, payload)).toMatchObject({ payload });
  });

  test("sessions.search finds its own messages", () => {
    const payload = { results: [{ sessionKey: "global", snippet: "own" }] };
    expect(ask("sessions.search", { sessionKeys: ["global"], query: "own" }, payload)).toMatchObject({ payload });
  });

  test("an error that names it is the client's own", () => {
    const error = { code: "UNAVAILABLE", message: "busy", details: { sessionKey: "global" } };
    expect(ask("sessions.create", { key: "global" }, error, false)).toMatchObject({ error });
  });

  test("sessions.create is not refused once the gateway has done it", () => {
    const payload = { ok: true, key: "global", sessionId: "s" };
    expect(ask("sessions.create", { key: "global" }, payload)).toMatchObject({ ok: true, payload });
  });
});

test("a number next to a list stays as it is where nothing was taken out", () => {
  const extension = { pluginId: "p", namespace: "n", value: { recent: ["a", "b"], count: 7 } };
  const row = { sessionKey: B, session: { key: B, pluginExtensions: [extension] } };
  expect(allowedEvent(row, { allows: () => true }, canonical)).toEqual(row);
  expect(allowedRows(row, { allows: () => true }, canonical)).toEqual(row);
});

test("the quick way of nearly all events keeps to the rules as the other way does", () => {
  const event = { sessionKey: B, runId: "r", stream: "tool", data: {}, parentSessionKey: A, childSessions: [A] };
  const { gateway, client } = claimer("bob", { access: ACCESS });
  gateway.broadcaster.broadcastToConnIds!("agent", event, new Set(["bob"]));
  expect(said(client), "the other way").not.toContain(A);
  gateway.broadcaster.broadcast("agent", event);
  expect(said(client), "the quick way").not.toContain(A);
});

test.each([
  ["1,000 children for 1,000 restricted clients, who may see all the same,", 1_000, `${A}:c1`],
  ["100 children for 100 restricted clients, who may see each its own,", 100, `${A}:{clientId}`],
])("a row with %s is divided in less than 100 ms", (_, many, child) => {
  const ids = Array.from({ length: many }, (__, n) => `c${n}`);
  const { gateway, clients } = connected({ access: [{ match: {}, sessions: [A, child] }] }, ids);
  for (const client of clients) gateway.accepted(client, "sessions.subscribe", {});
  const childSessions = ids.map((id) => `${A}:${id}`);
  const decide = () =>
    gateway.scope.audience("sessions.changed", { sessionKey: A, childSessions }, undefined, new Set(ids));
  decide();
  const before = process.cpuUsage();
  decide();
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(100);
});

test("a held frame keeps to rules that have changed since", () => {
  const { gateway, clients } = connected({ access: [{ match: {}, sessions: [A, B] }] }, ["bob"]);
  const [bob] = clients as [FakeClient];
  const pending = gateway.ask(bob, "chat.history", { sessionKey: B });
  gateway.broadcaster.broadcast("session.message", { sessionKey: B, parentSessionKey: A });
  gateway.scope.access.update(parseSettings({ access: ACCESS }));
  pending.answered({ ok: true, payload: {} });
  expect(bob.frames).toHaveLength(1);
  expect(said(bob)).not.toContain(A);
});
