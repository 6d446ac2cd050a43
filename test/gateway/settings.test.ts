/** What the settings change, and how they are refused. */
import { beforeAll, describe, expect, inject, test } from "vitest";
import { isolationRegister, openBed } from "../support/gateway/bed.ts";
import { type Client, type Endpoint, field } from "../support/wire/clients.ts";
import { createDevice } from "../support/gateway/device.ts";
import { startGateway } from "../support/gateway/gateway.ts";
import { startModel } from "../support/gateway/model.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { answer, connect, connectByHand, converse, freshSession, offers, say, settle, traces } from "./contract.ts";
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

describe("observers, a narrow roster and a claim limit", () => {
  const device = createDevice();
  let gateway: Endpoint;

  beforeAll(async () => {
    const { file, remove } = await writeSettings({
      observers: [{ deviceId: device.deviceId }, { clientId: "cli", mode: "cli" }],
      roster: "claimed",
      limits: { claimsPerConnection: 3 },
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

  test("a claim beyond the limit gets a clear error and changes nothing", async () => {
    const [own, other] = [freshSession(), freshSession()];
    const client = await connect(gateway);
    const read = (key: string) => client.request("chat.history", { sessionKey: key });
    await read(own.key);
    await read(freshSession().key);
    await read(freshSession().key);
    await read(own.key); // held already: no new claim
    await expect(read(other.key)).rejects.toThrow(/limits\.claimsPerConnection.*sessions\.messages\.unsubscribe/);
    expect(await converse(client, own.key, say(own.id, 3))).toBe(answer(own.id, 3));
  });

  test('roster "claimed" sends only rows and texts of claimed sessions', async (context) => {
    const [own, other] = [freshSession(), freshSession()];
    const [client, sender] = [await connect(gateway), await connect(gateway)];
    if (!offers(client, "sessions.subscribe")) return context.skip("no roster on this release");
    await client.request("chat.history", { sessionKey: own.key });
    await client.request("sessions.subscribe", {});
    await converse(sender, own.key, say(own.id, 3));
    await converse(sender, other.key, say(other.id, 3));
    await settle();
    expect(traces(client, other)).toEqual([]);
    const rows = client.frames.filter(({ event, json }) => event === "sessions.changed" && json.includes(own.key));
    expect(rows).not.toHaveLength(0);
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
  expect(logs).toContain('unknown setting "limits.claimsPerConection" (known here: claimsPerConnection');
});

test("the module reads settings from plugins.entries of the gateway's own configuration", async () => {
  const { release } = inject("isolated");
  const config = { plugins: { entries: { "event-isolation": { config: { scope: "nobody" } } } } };
  const { code, logs } = await refusal({ config });
  if (capabilities(release).allowsSettingsOfMissingPlugins) {
    expect(code).toBe(78);
    expect(logs).toContain('[event-isolation] "scope" has to be one of "session", "run", not "nobody"');
  } else {
    // Older releases refuse entries of plugins that are not installed: the settings file is for them.
    expect(code).not.toBe(0);
    expect(logs).toMatch(/\[event-isolation\] "scope"|plugin not found: event-isolation/);
  }
});
