/** What the settings change, and how they are refused. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, inject, test, vi } from "vitest";
import { isolationRegister, openBed } from "../support/gateway/bed.ts";
import { type Client, type Endpoint, field } from "../support/wire/clients.ts";
import { createDevice } from "../support/gateway/device.ts";
import { type Gateway, startGateway } from "../support/gateway/gateway.ts";
import { startModel } from "../support/gateway/model.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import {
  answer,
  connect,
  connectByHand,
  converse,
  freshSession,
  gateways,
  offers,
  say,
  settle,
  traces,
} from "./contract.ts";
import { isolated } from "./isolated-by.ts";
import { isolatedBed, settingsFile, writeSettings } from "./own-bed.ts";
import { within } from "../support/within.ts";

const chats = (client: Client, runId: string) =>
  client.frames.filter((frame) => frame.event === "chat" && field(frame, "runId") === runId);

test('scope "run" sends a run to the client that started it or subscribed, and not to one that read the history', async () => {
  const { gateway } = await isolatedBed({ settings: { scope: "run" } });
  const session = freshSession();
  const [starter, reader, subscriber] = [await connect(gateway), await connect(gateway), await connect(gateway)];
  await reader.request("chat.history", { sessionKey: session.key });
  const explicit = offers(subscriber, "sessions.messages.subscribe");
  if (explicit) await subscriber.request("sessions.messages.subscribe", { key: session.key });
  const { runId } = await starter.chat(session.key, say(session.id));
  await starter.final(runId);
  expect(starter.text(runId)).toBe(answer(session.id));
  await settle();
  expect(traces(reader, session)).toEqual([]);
  expect(chats(subscriber, runId).length > 0).toBe(explicit);

  const second = await reader.chat(session.key, say(session.id, 4));
  await reader.final(second.runId);
  expect(reader.text(second.runId)).toBe(answer(session.id, 4));
  await settle();
  expect(chats(starter, second.runId)).toEqual([]);
});

describe("observers and a claim limit", () => {
  const device = createDevice();
  let gateway: Gateway;

  beforeAll(async () => {
    const { file, remove } = await writeSettings({
      observers: [
        { deviceId: device.deviceId },
        { clientId: "cli", mode: "cli" },
        { displayName: "Wall display" },
        { userAgent: "monitor/1.0" },
      ],
      limits: { claimsPerConnection: 3 },
      resumeMs: 0,
    });
    const env = { OPENCLAW_EVENT_ISOLATION_CONFIG: file };
    const bed = await openBed(inject("isolated").release, await isolated({ env })).catch(async (error: unknown) => {
      await remove();
      throw error;
    });
    gateway = bed.gateway;
    return async () => {
      await bed.close();
      await remove();
    };
  });

  test("an observer receives every session, and nobody else does", async () => {
    const session = freshSession();
    const [sender, bystander] = [await connect(gateway), await connect(gateway)];
    const observer = capabilities(gateway.release).takesNewDeviceProofs
      ? await connect(gateway, { device, scopes: ["operator.read"] })
      : await connectByHand(gateway, { client: { id: "cli", mode: "cli" }, scopes: ["operator.read"] });
    const { runId } = await sender.chat(session.key, say(session.id));
    await Promise.all([sender.final(runId), observer.final(runId)]);
    expect(observer.text(runId)).toBe(answer(session.id));
    await settle();
    expect(traces(bystander, session)).toEqual([]);
  });

  test("an observer can be named by its display name or its user agent, and a name that only begins so is another", async () => {
    const { key, id } = freshSession();
    const self = { id: "gateway-client", mode: "backend" };
    const as = (displayName: string) => connectByHand(gateway, { client: { ...self, displayName } });
    const observers = [await as("Wall display"), await connectByHand(gateway, { userAgent: "monitor/1.0" })];
    const others = [await as("Wall display 2"), await connectByHand(gateway, { userAgent: "monitor/1.01" })];
    const sender = await connect(gateway);
    const { runId } = await sender.chat(key, say(id));
    await Promise.all([sender, ...observers].map((client) => client.final(runId)));
    expect(observers.map((client) => client.text(runId))).toEqual([answer(id), answer(id)]);
    await settle();
    for (const client of others) expect(traces(client, { key, id })).toEqual([]);
  });

  test("a client that only listens is named once in the log, with its entry, and forges no line there", async () => {
    const forged = "[event-isolation] settings reloaded: 0 access rules, 0 observers";
    const displayName = `Eve\u202e\u001b[2J"\r\n${forged}${"x".repeat(10_000)}`;
    const eve = (endpoint: Endpoint) =>
      connectByHand(endpoint, { client: { id: "gateway-client", mode: "backend", displayName }, userAgent: "eve/1" });
    for (const endpoint of [gateways().plain, gateway]) {
      const { key, id } = freshSession();
      const [listener, twin] = [await eve(endpoint), await eve(endpoint)];
      const sender = await connect(endpoint);
      expect(await converse(sender, key, say(id, 3))).toBe(answer(id, 3));
      await settle();
      for (const client of [listener, twin]) {
        expect(traces(client, { key, id }).length > 0).toBe(endpoint.url !== gateway.url);
      }
    }
    const lines = (): string[] => gateway.logs().split(/[\r\n]/);
    const named = (): string[] => lines().filter((line) => line.includes("only listens") && line.includes("Eve"));
    await vi.waitFor(() => expect(named()).toHaveLength(1), { timeout: 40_000, interval: 500 });
    await sleep(6_000);
    expect(named()).toHaveLength(1);
    expect(named()[0]).toContain(String.raw`client "Eve\u202e\u001b[2J\"\r\n[event-isolation] settings reloaded`);
    expect(named()[0]).toContain('observers: {"clientId":"gateway-client","mode":"backend","userAgent":"eve/1"}');
    expect(lines().some((line) => line.includes(forged) && !line.includes("only listens"))).toBe(false);
    expect(
      lines()
        .filter((line) => line.includes("only listens"))
        .every((line) => line.length < 2_500),
    ).toBe(true);
  });

  test("every message of a connection to many sessions passes, and only the sessions used last stay claimed", async () => {
    const sessions = Array.from({ length: 6 }, () => freshSession());
    const [client, sender] = [await connect(gateway), await connect(gateway)];
    for (const { key, id } of sessions) expect(await converse(client, key, say(id, 2))).toBe(answer(id, 2));
    const heard = async ({ key, id }: { key: string; id: string }): Promise<number> => {
      const before = client.eventsWith(id).length;
      await converse(sender, key, say(id, 2));
      await settle();
      return client.eventsWith(id).length - before;
    };
    expect(await heard(sessions[0]!), "of a session that was forgotten").toBe(0);
    expect(await heard(sessions[5]!), "of the session used last").toBeGreaterThan(0);
  });

  test("a session that was subscribed explicitly is not forgotten for others, and one more than the limit is refused", async () => {
    const subscribed = Array.from({ length: 3 }, () => freshSession());
    const [client, sender] = [await connect(gateway), await connect(gateway)];
    // On every release it is answered with an error, and a claim.
    const subscribe = (key: string) => client.request("chat.subscribe", { sessionKey: key });
    for (const { key } of subscribed) await expect(subscribe(key)).rejects.toThrow(/unknown method|missing scope/);
    const other = freshSession();
    expect(await converse(client, other.key, say(other.id, 3))).toBe(answer(other.id, 3));
    await expect(subscribe(freshSession().key)).rejects.toThrow(
      /limits\.claimsPerConnection.*sessions\.messages\.unsubscribe/,
    );
    await converse(sender, subscribed[0]!.key, say(subscribed[0]!.id, 2));
    await settle();
    expect(client.eventsWith(subscribed[0]!.id)).not.toHaveLength(0);
  });

  test("with resumeMs 0 a device that comes back has none of its claims", async () => {
    const session = freshSession();
    const own = createDevice();
    const [client, sender] = [await connectByHand(gateway, { device: own }), await connect(gateway)];
    await client.request("chat.history", { sessionKey: session.key });
    client.kill();
    await client.closed;
    await settle();
    const again = await connectByHand(gateway, { device: own });
    await converse(sender, session.key, say(session.id, 2));
    await settle();
    expect(traces(again, session)).toEqual([]);
  });
});

test("all raw and main keys are one session under session.scope global, and it is closed to bystanders", async () => {
  const { gateway } = await isolatedBed({ config: { session: { scope: "global" } } });
  const id = freshSession().id;
  const [sender, reader, bystander] = [await connect(gateway), await connect(gateway), await connect(gateway)];
  await reader.request("chat.history", { sessionKey: "agent:main:main" });
  await bystander.request("chat.history", { sessionKey: freshSession().key });
  const { runId } = await sender.chat("main", say(id));
  await Promise.all([sender.final(runId), reader.final(runId)]);
  expect([sender.text(runId), reader.text(runId)]).toEqual([answer(id), answer(id)]);
  await settle();
  expect(bystander.eventsWith(id)).toEqual([]);
});

/** Boots an isolated gateway that is expected to end by itself. */
async function refusal(options: { env?: Record<string, string>; config?: object }) {
  const model = await startModel();
  try {
    const gateway = await startGateway({
      release: inject("isolated").release,
      model,
      preload: isolationRegister(),
      expectExit: true,
      ...options,
    } as Parameters<typeof startGateway>[0]);
    const exit = await within(gateway.exited, "the gateway ends");
    const logs = gateway.logs();
    await gateway.stop();
    return { ...exit, logs };
  } finally {
    await model.close();
  }
}

test("a wrong setting stops the start with a message that names it", async () => {
  const settings = { limits: { claimsPerConection: 5 } };
  const { code, logs } = await refusal({ env: { OPENCLAW_EVENT_ISOLATION_CONFIG: await settingsFile(settings) } });
  expect(code).toBe(78);
  expect(logs).toContain('unknown setting "limits.claimsPerConection": expected one of claimsPerConnection');
});

test("the module reads settings from plugins.entries of the gateway's own configuration", async () => {
  const { release } = inject("isolated");
  const config = { plugins: { entries: { "event-isolation": { config: { scope: "nobody" } } } } };
  const { code, logs } = await refusal({ config });
  if (capabilities(release).allowsSettingsOfMissingPlugins) {
    expect(code).toBe(78);
    expect(logs).toContain('[event-isolation] "scope" must be one of "session", "run", got "nobody"');
  } else {
    // Older releases refuse entries of plugins that are not installed: the settings file is for them.
    expect(code).not.toBe(0);
    expect(logs).toMatch(/\[event-isolation\] "scope"|plugin not found: event-isolation/);
  }
});
