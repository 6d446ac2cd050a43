/** What the scope of a gateway does with requests and with the frames that it holds for them. */
import { expect, test } from "vitest";
import { GatewayScope } from "../../src/delivery/gateway-scope.ts";
import { SessionKeys } from "../../src/gateway/session-keys.ts";
import { claimIntent } from "../../src/policy/claim-intent.ts";
import { parseSettings } from "../../src/policy/settings.ts";
import { beginClaim, eventsOf, got, type OpenRequest, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { fakeClient, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:a";

test("a client that unsubscribed before the answer to its subscribe receives nothing, though the answer names the key", () => {
  const { broadcaster, connect, ask, accepted } = scopedGateway(perConnection);
  const client = connect("c");
  const request = ask(client, "sessions.messages.subscribe", { key: A });
  accepted(client, "sessions.messages.unsubscribe", { key: A });
  request.answered({ ok: true, payload: { subscribed: true, key: A } });
  broadcaster.broadcast("chat", { n: 1, sessionKey: A });
  expect(got(client)).toEqual([]);
});

test("a plugin's event that comes before the answer is held and delivered, not lost", () => {
  const { broadcaster, connect, ask, scope } = scopedGateway(perConnection);
  const client = connect("c");
  const request = ask(client, "chat.send", { sessionKey: A });
  broadcaster.broadcastPluginEvent!("plugin.note", { n: 1, sessionKey: A }, "operator");
  expect(scope.status().events["plugin.note"]).toEqual({ held: 1 });
  expect(scope.status().held).toBe(1);
  request.answered({ ok: true, payload: {} });
  expect(got(client)).toEqual([1]);
});

test("a held frame without a payload is delivered, not dropped", () => {
  const { broadcaster, connect, ask } = scopedGateway(perConnection);
  const client = connect("c");
  const request = ask(client, "chat.send", { sessionKey: A });
  broadcaster.broadcast("session.touched", undefined, { sessionKeys: [A] });
  request.answered({ ok: true, payload: {} });
  expect(eventsOf(client)).toEqual(["session.touched"]);
});

test("an error in delivering held frames does not reach the gateway from a request that failed", () => {
  const keys = new SessionKeys(
    () => ({}),
    () => ({}),
  );
  const scope = new GatewayScope(keys, parseSettings({ scope: "session" }), { warn: () => {}, connected: () => {} });
  const client = fakeClient("c");
  scope.connected(client);
  scope.onRelease(() => {
    throw new Error("socket gone");
  });
  const begin = (): OpenRequest => beginClaim(scope, client, claimIntent("chat.history", { sessionKey: A })!);
  const [first, second] = [begin(), begin()];
  scope.hold(client, {
    event: "chat",
    payload: { n: 1 },
    opts: undefined,
    route: { to: "session", keys: [A] },
    via: "broadcast",
  });
  first.answered({ ok: true, payload: {} });
  scope.hold(client, {
    event: "chat",
    payload: { n: 2 },
    opts: undefined,
    route: { to: "session", keys: [A] },
    via: "broadcast",
  });
  expect(() => second.failed()).not.toThrow();
});

test("whoever claims one session of the gateway's health does not learn the keys of others, and an observer does", () => {
  const { broadcaster, connect, accepted } = scopedGateway(perConnection, {
    settings: { observers: [{ scope: "operator.admin" }] },
  });
  const [claimant, observer] = [connect("claimant"), connect("observer", ["operator.admin"])];
  accepted(claimant, "chat.history", { sessionKey: "agent:main:a" });
  const recent = [{ key: "agent:main:a" }, { key: "agent:main:b" }];
  broadcaster.broadcast("health", { ok: true, sessions: { recent } });
  expect(claimant.frames.map(({ payload }) => payload)).toEqual([{ ok: true, sessions: { recent: [] } }]);
  expect(observer.frames.map(({ payload }) => payload)).toEqual([{ ok: true, sessions: { recent } }]);
});

test("a task event goes whole to whoever claims the task's session, and as a change of the list to all others", () => {
  const { broadcaster, connect, accepted } = scopedGateway(perConnection);
  const [claimant, bystander] = [connect("claimant"), connect("bystander")];
  accepted(claimant, "chat.history", { sessionKey: "agent:main:a" });
  const payload = { action: "upserted", task: { id: "t", title: "words", childSessionKey: "agent:main:a" } };
  broadcaster.broadcast("task", payload);
  expect(claimant.frames.map((frame) => frame.payload)).toEqual([payload]);
  expect(bystander.frames.map((frame) => frame.payload)).toEqual([{ action: "restored" }]);
});
