/** Mistakes that were made once and found by reading and by the property tests. */
import { beginClaim, type OpenRequest } from "../support/stand-in/scoped-gateway.ts";
import { claimIntent } from "../../src/policy/claim-intent.ts";
import { describe, expect, test } from "vitest";
import { GatewayScope } from "../../src/delivery/gateway-scope.ts";
import { ClientsView } from "../../src/delivery/clients.ts";
import { attacher } from "../../src/attach/loader.ts";
import { withoutPreload } from "../../src/attach/process.ts";
import { SessionKeys } from "../../src/gateway/session-keys.ts";
import { routeEvent } from "../../src/policy/session-event.ts";
import { parseSettings } from "../../src/policy/settings.ts";
import { Claims } from "../../src/policy/claims.ts";
import { eventsOf, got, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { fakeClient, FakeClients, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:a";
const LIMITS = { claimsPerConnection: 10, runsPerConnection: 10 };

test("unsubscribe that overtakes the answer to subscribe is not undone by the key the answer names", () => {
  const claims = new Claims<string>(LIMITS);
  claims.connect("c");
  const claim = claims.begin("c", [A], true)!;
  claims.unclaim("c", A);
  claim.accept({ extraKeys: [A] });
  expect([...claims.claimed(A)]).toEqual([]);
});

test("the same, end to end", () => {
  const { broadcaster, connect, ask, accepted } = scopedGateway(perConnection);
  const client = connect("c");
  const request = ask(client, "sessions.messages.subscribe", { key: A });
  accepted(client, "sessions.messages.unsubscribe", { key: A });
  request.answered({ ok: true, payload: { subscribed: true, key: A } });
  broadcaster.broadcast("chat", { n: 1, sessionKey: A });
  expect(got(client)).toEqual([]);
});

test("an open event sent while a session's event is being sent reaches all", () => {
  const { broadcaster, connect, accepted } = scopedGateway(perConnection);
  const [a, b] = [connect("a"), connect("b")];
  accepted(a, "chat.history", { sessionKey: A });
  a.onFrame = ({ event }) => {
    if (event === "chat") broadcaster.broadcast("presence", {});
  };
  broadcaster.broadcast("chat", { sessionKey: A });
  expect([eventsOf(a), eventsOf(b)]).toEqual([["chat", "presence"], ["presence"]]);
});

test("the same, by onBroadcast (web push), which runs inside the narrowed send", () => {
  const out: { send?: () => void } = {};
  const { broadcaster, connect } = scopedGateway(perConnection, {
    params: {
      onBroadcast: (event) => {
        if (event === "chat") out.send?.();
      },
    },
  });
  const b = connect("b");
  out.send = () => broadcaster.broadcast("health", {});
  broadcaster.broadcast("chat", { sessionKey: A });
  expect(eventsOf(b)).toEqual(["health"]);
});

test("a plugin's event that comes before the answer is held, not lost", () => {
  const { broadcaster, connect, ask, scope } = scopedGateway(perConnection);
  const client = connect("c");
  const request = ask(client, "chat.send", { sessionKey: A });
  broadcaster.broadcastPluginEvent!("plugin.note", { n: 1, sessionKey: A }, "operator");
  expect(scope.status().events["plugin.note"]).toEqual({ held: 1 });
  expect(scope.status().held).toBe(1);
  request.answered({ ok: true, payload: {} });
  expect(got(client)).toEqual([1]);
});

test("a held frame without a payload is delivered", () => {
  const { broadcaster, connect, ask } = scopedGateway(perConnection);
  const client = connect("c");
  const request = ask(client, "chat.send", { sessionKey: A });
  broadcaster.broadcast("session.touched", undefined, { sessionKeys: [A] });
  request.answered({ ok: true, payload: {} });
  expect(eventsOf(client)).toEqual(["session.touched"]);
});

describe("a malformed list of keys means nobody", () => {
  test.each([[A], [{ 0: A }], [7]])("opts.sessionKeys %j", (sessionKeys) => {
    expect(routeEvent("made.up", { text: "secret" }, { sessionKeys })).toEqual({ to: "nobody", reason: "bad-key" });
  });
  test.each([[A], [{ 0: A }], [7]])("payload.sessionKeys %j", (sessionKeys) => {
    expect(routeEvent("made.up", { text: "secret", sessionKeys })).toEqual({ to: "nobody", reason: "bad-key" });
  });
  test("an empty session.sessionKey does not hide session.key", () => {
    expect(routeEvent("made.up", { session: { sessionKey: "", key: A } })).toMatchObject({ to: "session", keys: [A] });
  });
});

test("an agent id of a megabyte is refused, so that what is remembered of keys is bounded in bytes", () => {
  const keys = new SessionKeys(
    () => ({}),
    () => ({}),
  );
  expect(keys.canonical("a", "b".repeat(2 ** 20))).toBeUndefined();
});

test("an observer rule whose only field is undefined matches nobody", () => {
  expect(() => parseSettings({ observers: [{ clientId: undefined }] })).toThrow("observers[0]");
});

test("the view is narrow however it is walked: entries() too", () => {
  const [a, b] = [fakeClient("a"), fakeClient("b")];
  const view = new ClientsView(new FakeClients([a, b])) as ClientsView & FakeClients;
  view.narrow(new Set([a]), {}, () => expect([...view.entries()].map(([client]) => client.connId)).toEqual(["a"]));
});

test("a name at the start of a line of a template or a block comment does not break the module", async () => {
  const source = "const help = `\nfunction seam(\n`;\nexport default help;\n";
  const attached = attacher(["seam"])(source)?.source ?? source;
  await expect(import(`data:text/javascript,${encodeURIComponent(attached)}`)).resolves.toBeDefined();
});

test("a tab is no separator in NODE_OPTIONS", () => {
  expect(withoutPreload("--import=ours --title=a\tb", (specifier) => specifier === "ours")).toBe("--title=a\tb");
});

test("a handler that failed does not throw an error of ours into the gateway", () => {
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
