/** A request has no effect before it is known whether it may be made at all. */
import { expect, test } from "vitest";
import { Isolation } from "../../src/isolation.ts";
import type { CreateBroadcaster, GatewayClient, HandleRequest } from "../../src/gateway/types.ts";
import type { RunHeartbeat } from "../../src/heartbeats/attach.ts";
import { fakeClient, type FakeClient, FakeClients, perConnection } from "../support/stand-in/stand-ins.ts";

const OWN = "agent:main:own:x";
const RULES = [{ match: { clientId: "dashboard" }, sessions: ["*"] }, { sessions: ["agent:main:own:*"] }];

/** The whole composition on a stand-in release, with a heartbeat under way on the main session. */
function gateway(access: readonly object[] = [], endsAtOnce = true) {
  const isolation = new Isolation({ root: "/nowhere", release: "2026.5.7" });
  const attach = <T>(name: string, original: T): T => isolation.attach(name, original) as T;
  attach("getRuntimeConfig", () => ({ plugins: { entries: { "event-isolation": { config: { access } } } } }));
  const reached: string[] = [];
  const handle = attach<HandleRequest>("handleGatewayRequest", async ({ req, respond }) => {
    reached.push(req.method);
    respond(true, {});
  });
  const clients = new FakeClients();
  const make = attach<CreateBroadcaster>("createGatewayBroadcaster", perConnection as CreateBroadcaster);
  const { broadcast } = make({ clients });
  let aborted = false;
  const ended = Promise.withResolvers<unknown>();
  const setActive = attach("setActiveEmbeddedRun", (_sessionId: unknown, _handle: object) => {});
  const beat = attach<RunHeartbeat>("runHeartbeatOnce", () => {
    const abort = (): void => {
      aborted = true;
      if (endsAtOnce) ended.resolve({});
    };
    setActive("id", { abort });
    return ended.promise;
  });
  void beat({ reason: "wake" });
  const connect = (scopes: readonly string[], id = "backend"): FakeClient => {
    const client = fakeClient(id, { role: "operator", scopes, client: { id } });
    clients.add(client);
    return client;
  };
  const ask = async (client: GatewayClient, method: string, params: object): Promise<unknown> => {
    const answers: unknown[] = [];
    await handle({ req: { method, params }, client, respond: (ok, _, error) => answers.push(ok ? "ok" : error?.code) });
    return answers.at(-1);
  };
  return { clients, connect, ask, reached, broadcast, aborted: () => aborted, endHeartbeat: () => ended.resolve({}) };
}

test("the access rules still hold for a connection that has gone, as a request can outlive it", async () => {
  const { clients, connect, ask, reached } = gateway(RULES);
  const [client, dashboard] = [connect(["operator.write"]), connect(["operator.write"], "dashboard")];
  clients.delete(client);
  clients.delete(dashboard);
  expect(await ask(client, "chat.inject", { sessionKey: "agent:main:other" })).toBe("FORBIDDEN");
  expect(await ask({ ...client }, "cron.list", {})).toBe("FORBIDDEN");
  expect(reached).toEqual([]);
  expect(await ask(client, "chat.inject", { sessionKey: OWN })).toBe("ok");
  expect(await ask(dashboard, "cron.list", {})).toBe("ok");
});

test("the access rules do not hold for what the gateway asks by itself", async () => {
  const { ask } = gateway(RULES);
  const { socket: _, ...synthetic } = fakeClient("internal");
  expect(await ask(synthetic, "cron.list", {})).toBe("ok");
});

test("a request that the rules deny aborts no heartbeat", async () => {
  const { connect, ask, aborted } = gateway(RULES);
  expect(await ask(connect(["operator.write"]), "chat.send", { sessionKey: "main" })).toBe("FORBIDDEN");
  expect(aborted()).toBe(false);
  expect(await ask(connect(["operator.write"], "dashboard"), "chat.send", { sessionKey: "main" })).toBe("ok");
  expect(aborted()).toBe(true);
});

test("a session that is left while a message on it waits for a heartbeat stays left", async () => {
  const { connect, ask, reached, broadcast, endHeartbeat } = gateway([], false);
  const client = connect(["operator.write"]);
  const message = ask(client, "chat.send", { sessionKey: "main" });
  expect(await ask(client, "sessions.messages.unsubscribe", { key: "main" })).toBe("ok");
  expect(reached).toEqual(["sessions.messages.unsubscribe"]);
  endHeartbeat();
  expect(await message).toBe("ok");
  broadcast("chat", { sessionKey: "agent:main:main", state: "delta" });
  expect(client.frames).toEqual([]);
});

test.each([["operator.read"], ["node"]])(
  "a request of a connection that may start no run (%s) aborts no heartbeat",
  async (who) => {
    const { clients, ask, aborted } = gateway();
    const client = fakeClient("c", who === "node" ? { role: "node", scopes: [] } : { role: "operator", scopes: [who] });
    clients.add(client);
    await ask(client, "chat.send", { sessionKey: "main" });
    expect(aborted()).toBe(false);
  },
);
