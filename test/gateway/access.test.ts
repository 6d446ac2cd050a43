/** Access rules on a real gateway: two tenants by device id, and a dashboard that sees both. */
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { isolationRegister, type OpenBed, openBed } from "../support/gateway/bed.ts";
import {
  type Client,
  type Endpoint,
  GatewayRequestError,
  type Payload,
  type RawClient,
} from "../support/wire/clients.ts";
import { createDevice } from "../support/gateway/device.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { answer, connectByHand, converse, freshSession, gateways, offers, say, settle, traces } from "./contract.ts";
import { isolatedBed } from "./own-bed.ts";

const { plain } = gateways();
const SCOPES = ["operator.admin", "operator.read", "operator.write"];
const DASHBOARD = { id: "cli", mode: "cli" };
const alice = createDevice();
const bob = createDevice();
/** Without one, 2026.5 takes its scopes. */
const desk = createDevice();

const ACCESS = [
  { match: { clientId: DASHBOARD.id, mode: DASHBOARD.mode, scope: "operator.admin" }, sessions: ["*"] },
  { match: { deviceId: alice.deviceId }, sessions: ["agent:main:alice-*"] },
  // Bob, by the placeholder; who has no device has nothing.
  { match: {}, sessions: ["agent:main:{deviceId}:*"], methods: ["cron.list"] },
  { match: { clientId: "x" }, sessions: ["main"] },
];

/** A session of Alice's and one of Bob's. */
function tenantSessions() {
  const [a, b] = [freshSession(), freshSession()];
  return {
    a: { ...a, key: `agent:main:alice-${a.id.toLowerCase()}` },
    b: { ...b, key: `agent:main:${bob.deviceId}:${b.id.toLowerCase()}` },
  };
}

async function connections(gateway: Endpoint): Promise<Record<"alice" | "bob" | "dashboard", RawClient>> {
  return {
    alice: await connectByHand(gateway, { name: "alice", device: alice, scopes: SCOPES }),
    bob: await connectByHand(gateway, { name: "bob", device: bob, scopes: SCOPES }),
    dashboard: await connectByHand(gateway, { name: "dashboard", client: DASHBOARD, device: desk, scopes: SCOPES }),
  };
}

/** `ok`, or the code of the error. 2026.9 asks for another try while it still writes a session's row. */
async function outcome(client: Client, method: string, params: object, tries = 3): Promise<string> {
  try {
    await client.request(method, params);
    return "ok";
  } catch (error) {
    if (!(error instanceof GatewayRequestError)) throw error;
    if (/Retry the request/.test(error.message) && tries > 1) {
      await settle();
      return outcome(client, method, params, tries - 1);
    }
    if (error.code !== "FORBIDDEN") return `${error.code} ${error.message}`;
    expect(error.details).toEqual({ reason: "session-access-denied", method });
    return "FORBIDDEN";
  }
}

const METHODS: readonly [string, (session: { key: string }, by: string) => object][] = [
  ["chat.history", ({ key }) => ({ sessionKey: key })],
  ["chat.inject", ({ key }, by) => ({ sessionKey: key, message: `injected by ${by}` })],
  ["chat.abort", ({ key }) => ({ sessionKey: key })],
  ["sessions.preview", ({ key }) => ({ keys: [key] })],
  ["sessions.patch", ({ key }) => ({ key, verboseLevel: "on" })],
  ["sessions.reset", ({ key }) => ({ key })],
];

/** 3 connections × 6 methods × 2 keys, as `method: alice bob dashboard` for each key. */
async function matrix(gateway: Endpoint): Promise<Record<"a" | "b", Record<string, string>>> {
  const sessions = tenantSessions();
  const clients = await connections(gateway);
  await converse(clients.dashboard, sessions.a.key, say(sessions.a.id, 2));
  await converse(clients.dashboard, sessions.b.key, say(sessions.b.id, 2));
  const result: Record<"a" | "b", Record<string, string>> = { a: {}, b: {} };
  for (const which of ["a", "b"] as const) {
    for (const [method, params] of METHODS) {
      const row: string[] = [];
      for (const [name, client] of Object.entries(clients))
        row.push(await outcome(client, method, params(sessions[which], name)));
      result[which][method] = row.join(" ");
    }
  }
  return result;
}

function all(row: string): Record<string, string> {
  return Object.fromEntries(METHODS.map(([method]) => [method, row]));
}

describe("two tenants and a dashboard", () => {
  let bed: OpenBed;
  let gateway: Endpoint;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "event-isolation-"));
    const file = join(folder, "settings.json");
    await writeFile(file, JSON.stringify({ access: ACCESS, observers: [{ clientId: DASHBOARD.id }] }));
    bed = await openBed(inject("isolated").release, {
      preload: isolationRegister(),
      env: { OPENCLAW_EVENT_ISOLATION_CONFIG: file },
    });
    gateway = bed.gateway;
  });

  afterAll(async () => {
    await bed?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("a tenant's requests reach only its own sessions and a dashboard's reach all, while the control gateway lets all reach all", async () => {
    const [published, ruled] = await Promise.all([matrix(plain), matrix(gateway)]);
    expect(published).toEqual({ a: all("ok ok ok"), b: all("ok ok ok") });
    expect(ruled).toEqual({ a: all("ok FORBIDDEN ok"), b: all("FORBIDDEN ok ok") });
  });

  test("a denied request does not reach the gateway's handler", async () => {
    const patched = async (endpoint: Endpoint): Promise<unknown> => {
      const { a } = tenantSessions();
      const clients = await connections(endpoint);
      await converse(clients.alice, a.key, say(a.id, 2));
      await outcome(clients.bob, "sessions.patch", { key: a.key, verboseLevel: "on" });
      const { sessions } = (await clients.dashboard.request("sessions.list")) as { sessions: Payload[] };
      return sessions.find(({ key }) => key === a.key)?.["verboseLevel"] === "on";
    };
    expect(await Promise.all([patched(plain), patched(gateway)])).toEqual([true, false]);
  });

  test("a denied request that outlives its connection does not reach the gateway's handler", async () => {
    const patched = async (endpoint: Endpoint): Promise<unknown> => {
      const { a } = tenantSessions();
      const clients = await connections(endpoint);
      await converse(clients.alice, a.key, say(a.id, 2));
      // Many at once: the last ones are handled when he has gone.
      for (let index = 0; index < 60; index += 1) {
        const params = { key: a.key, verboseLevel: "on" };
        clients.bob.sendRaw({ type: "req", id: randomUUID(), method: "sessions.patch", params });
      }
      clients.bob.kill();
      await settle();
      const { sessions } = (await clients.dashboard.request("sessions.list")) as { sessions: Payload[] };
      return sessions.find(({ key }) => key === a.key)?.["verboseLevel"] === "on";
    };
    expect(await Promise.all([patched(plain), patched(gateway)])).toEqual([true, false]);
  });

  test("a run is seen by its tenant and the dashboard and by nobody else, however they ask for it", async () => {
    const run = async (endpoint: Endpoint) => {
      const { a } = tenantSessions();
      const { alice: own, bob: other, dashboard } = await connections(endpoint);
      for (const [method, params] of [
        ["chat.history", { sessionKey: a.key }],
        ["chat.history", { sessionKey: ` ${a.key.toUpperCase()} ` }],
        ["sessions.messages.subscribe", { key: a.key }],
        ["sessions.subscribe", {}],
      ] as const) {
        if (offers(other, method)) await outcome(other, method, params);
      }
      expect(await converse(own, a.key, say(a.id))).toBe(answer(a.id));
      await settle();
      return { other: traces(other, a).length, observed: dashboard.eventsWith(a.id).length };
    };
    const [published, ruled] = await Promise.all([run(plain), run(gateway)]);
    expect(published.other).toBeGreaterThan(0);
    expect(ruled.other).toBe(0);
    expect(ruled.observed).toBeGreaterThan(0);
  });

  test("the list of sessions has only rows of allowed sessions", async () => {
    const named = async (endpoint: Endpoint) => {
      const { a, b } = tenantSessions();
      const { bob: client, dashboard } = await connections(endpoint);
      await converse(dashboard, a.key, say(a.id, 2));
      await converse(dashboard, b.key, say(b.id, 2));
      const list = await client.request("sessions.list");
      const json = JSON.stringify(list).toLowerCase();
      expect(list["count"]).toBe((list["sessions"] as unknown[]).length);
      return [json.includes(a.id.toLowerCase()), json.includes(b.id.toLowerCase())];
    };
    const [published, ruled] = await Promise.all([named(plain), named(gateway)]);
    expect(published).toEqual([true, true]);
    expect(ruled).toEqual([false, true]);
  });

  test("no row of an allowed session names a parent that the rules deny", async (context) => {
    const scene = async (endpoint: Endpoint) => {
      const { a, b } = tenantSessions();
      const { bob: tenant, dashboard } = await connections(endpoint);
      if (!offers(dashboard, "sessions.subscribe")) context.skip();
      await converse(dashboard, a.key, say(a.id));
      for (const client of [tenant, dashboard]) await client.request("sessions.subscribe", {});
      await dashboard.request("sessions.create", { key: b.key, parentSessionKey: a.key });
      await converse(dashboard, b.key, say(b.id));
      await outcome(dashboard, "sessions.patch", { key: b.key, label: `label ${b.id}` });
      await outcome(dashboard, "sessions.delete", { key: b.key });
      await settle();
      const rows = (client: Client, session: { key: string; id: string }): number =>
        traces(client, session).filter(({ event }) => event === "sessions.changed").length;
      return { own: rows(tenant, b), parents: rows(tenant, a), seen: rows(dashboard, a) };
    };
    const control = await scene(plain);
    expect(control.parents).toBeGreaterThan(0);
    const { own, parents, seen } = await scene(gateway);
    expect(parents).toBe(0);
    expect(seen).toBeGreaterThan(0);
    expect(own).toBeGreaterThan(0);
  });

  test("a request that names no session, or one that cannot be checked, is denied", async () => {
    const { a, b } = tenantSessions();
    const clients = await connections(gateway);
    const { runId } = await clients.alice.chat(a.key, say(a.id, 2));
    await clients.alice.final(runId);
    const asked: [string, object][] = [
      ["logs.tail", {}],
      ["status", {}],
      ["cron.status", {}],
      ["agent", { agentId: "main", message: "hi", idempotencyKey: randomUUID() }],
      ["agent", { sessionKey: b.key, sessionId: randomUUID(), message: "hi", idempotencyKey: randomUUID() }],
      ["agent.wait", { runId, timeoutMs: 100 }],
      ["wake", { mode: "now", text: "hi" }],
      ["config.patch", { raw: "{}" }],
      ["a.method.of.tomorrow", {}],
    ];
    // At the same time: what is asked while another request is handled is looked at just the same.
    const denied = Promise.all(
      asked.map(async ([method, params]) => `${method} ${await outcome(clients.bob, method, params)}`),
    );
    expect(await denied).toEqual(asked.map(([method]) => `${method} FORBIDDEN`));
    expect(await outcome(clients.alice, "agent.wait", { runId, timeoutMs: 100 })).toBe("ok");
    expect(await outcome(clients.alice, "cron.list", {})).toBe("FORBIDDEN");
    // Allowed by the `methods` of his rule.
    expect(await outcome(clients.bob, "cron.list", {})).toBe("ok");
    expect(await outcome(clients.dashboard, "cron.status", {})).toBe("ok");
    const open = ["models.list", "agents.list", "health", "config.get"];
    const answers: string[] = [];
    for (const method of open) answers.push(await outcome(clients.bob, method, {}));
    expect(answers).toEqual(open.map(() => "ok"));
  });

  test("a session that the gateway chooses is checked in its answer", async (context) => {
    const { alice: client, dashboard } = await connections(gateway);
    if (!offers(client, "sessions.create")) return context.skip("no sessions.create on this release");
    const { a } = tenantSessions();
    expect(await outcome(dashboard, "sessions.create", {})).toBe("ok");
    expect(await outcome(client, "sessions.create", {})).toBe("FORBIDDEN");
    expect(await outcome(client, "sessions.create", { key: a.key })).toBe("ok");
    expect(await outcome(client, "sessions.create", { parentSessionKey: "agent:main:main" })).toBe("FORBIDDEN");
  });

  test("a connection without a device has no session, and the log names rules without effect at the start", async () => {
    const client = await connectByHand(gateway, { device: false, scopes: SCOPES });
    const { a, b } = tenantSessions();
    for (const key of [a.key, b.key, "agent:main::x", "main"])
      expect(await outcome(client, "chat.history", { sessionKey: key })).toMatch(
        /^FORBIDDEN$|^INVALID_REQUEST missing scope/,
      );
    expect(bed.gateway.logs()).toContain(
      "access[3] never matches: access[2] comes first and matches all of its connections",
    );
    expect(bed.gateway.logs()).toContain('access[3] has the pattern "main", which no session key can match');
  });
});

test("changed rules take effect without a restart and end claims beyond them at once, and wrong rules change nothing", async (context) => {
  const { release } = inject("isolated");
  if (!capabilities(release).reloadsPluginSettings)
    return context.skip("a change of plugins' settings restarts this release");
  const entries = (access: unknown) => ({ plugins: { entries: { "event-isolation": { config: { access } } } } });
  const { gateway } = await isolatedBed({ config: entries(ACCESS) });
  const rewrite = async (access: unknown): Promise<void> => {
    const config = JSON.parse(await readFile(gateway.configPath, "utf8")) as object;
    await writeFile(gateway.configPath, JSON.stringify({ ...config, ...entries(access) }, null, 2));
  };
  const said = (text: string) => vi.waitFor(() => expect(gateway.logs()).toContain(text), { timeout: PATIENCE_MS });
  const { a } = tenantSessions();
  const { alice: client, dashboard } = await connections(gateway);
  const frames = async (): Promise<number> => {
    const before = client.eventsWith(a.id).length;
    expect(await converse(dashboard, a.key, say(a.id))).toBe(answer(a.id));
    await settle();
    return client.eventsWith(a.id).length - before;
  };
  await client.request("chat.history", { sessionKey: a.key });
  expect(await frames()).toBeGreaterThan(0);

  // Two that lose their connections: one comes back before the rules change, the other after it.
  const comesBack = async (): Promise<RawClient> => (await connections(gateway)).alice;
  const [early, late] = [await comesBack(), await comesBack()];
  for (const each of [early, late]) await each.request("chat.history", { sessionKey: a.key });
  early.kill();
  await early.closed;
  await settle();
  const before = await comesBack();
  late.kill();
  await late.closed;
  await frames();
  expect(before.eventsWith(a.id), "claims are the device's again").not.toHaveLength(0);

  await rewrite([ACCESS[0]]);
  await said("settings reloaded: 1 access rule,");
  const after = await comesBack();
  const heard = before.eventsWith(a.id).length;
  expect(await frames()).toBe(0);
  expect(before.eventsWith(a.id)).toHaveLength(heard);
  expect(after.eventsWith(a.id)).toEqual([]);
  expect(await outcome(client, "chat.history", { sessionKey: a.key })).toBe("FORBIDDEN");

  await rewrite([{ sessions: ["*"], for: "everybody" }]);
  await said('the changed settings are invalid, so the previous ones stay in force: unknown setting "access[0].for"');
  expect(await outcome(client, "chat.history", { sessionKey: a.key })).toBe("FORBIDDEN");

  await rewrite(ACCESS);
  await said("settings reloaded: 4 access rules");
  expect(await outcome(client, "chat.history", { sessionKey: a.key })).toBe("ok");
  expect(await frames()).toBeGreaterThan(0);
});
