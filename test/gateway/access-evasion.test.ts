/**
 * Ways around the access rules, each first on the control gateway, where it succeeds, and then under rules.
 * Bob has all of the agent `other`, and two kinds of sessions of `main`; the agent `other-desk`, whose id is what
 * the gateway makes of `other:desk`, is not his.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { isolationRegister, type OpenBed, openBed } from "../support/gateway/bed.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { createDevice } from "../support/gateway/device.ts";
import { type Endpoint, GatewayRequestError, type Payload, type RawClient } from "../support/wire/clients.ts";
import { answer, connectByHand, converse, freshSession, gateways, offers, say, settle } from "./contract.ts";
import { writeSettings } from "./own-bed.ts";

const { plain } = gateways();
const SCOPES = ["operator.admin", "operator.read", "operator.write"];
const bob = createDevice();
const desk = createDevice();
const AGENTS = { agents: { list: [{ id: "main", default: true }, { id: "other" }, { id: "other-desk" }] } };
const ACCESS = [
  { match: { deviceId: desk.deviceId }, sessions: ["*"] },
  { match: { deviceId: bob.deviceId }, sessions: ["agent:other:*", "agent:main:main", "agent:main:bob-*"] },
];

let bed: OpenBed;
let ruled: Endpoint;
let settings: { file: string; remove(): Promise<void> };

beforeAll(async () => {
  settings = await writeSettings({ access: ACCESS });
  bed = await openBed(inject("isolated").release, {
    preload: isolationRegister(),
    config: AGENTS,
    env: { OPENCLAW_EVENT_ISOLATION_CONFIG: settings.file },
  });
  ruled = bed.gateway;
});

afterAll(async () => {
  await bed?.close();
  await settings?.remove();
});

interface Pair {
  readonly bob: RawClient;
  readonly desk: RawClient;
}

async function pair(gateway: Endpoint): Promise<Pair> {
  return {
    bob: await connectByHand(gateway, { name: "bob", device: bob, scopes: SCOPES }),
    desk: await connectByHand(gateway, { name: "desk", device: desk, scopes: SCOPES }),
  };
}

/** The answer to a request, without what a clock or a generator puts into it. */
async function reply(client: RawClient, method: string, params: object): Promise<string> {
  const text = await client.request(method, params).then(
    (payload) => JSON.stringify({ payload }),
    (error: unknown) => {
      if (!(error instanceof GatewayRequestError)) throw error;
      return JSON.stringify({ error: [error.code, error.message, error.details] });
    },
  );
  return text.replaceAll(/\d{10,}/g, "<time>");
}

async function code(client: RawClient, method: string, params: object): Promise<string> {
  return client.request(method, params).then(
    () => "ok",
    (error: unknown) => (error as GatewayRequestError).code,
  );
}

const request = (message: string): object => ({ message, idempotencyKey: randomUUID() });

async function transcript(client: RawClient, sessionKey: string): Promise<string> {
  return JSON.stringify((await client.request("chat.history", { sessionKey }))["messages"]);
}

async function keysOf(client: RawClient): Promise<string[]> {
  const { sessions } = (await client.request("sessions.list", {})) as { sessions: Payload[] };
  return sessions.map(({ key }) => String(key));
}

/** Until a reply, wherever it went, is in a transcript. */
async function expectReply(client: RawClient, key: string, id: string): Promise<void> {
  await expect.poll(() => transcript(client, key), { timeout: 60_000, interval: 500 }).toContain(`${id}-1`);
}

/** The prompts that the model has seen of a session's id. */
const prompts = (id: string): number =>
  bed.model.requests.filter(({ lastUserText }) => lastUserText.includes(id)).length;

/** A session that is not Bob's, with a label and a reply in it. */
async function vault(client: RawClient) {
  const { id } = freshSession();
  const key = `agent:main:vault-${id.toLowerCase()}`;
  expect(await converse(client, key, say(id, 2))).toBe(answer(id, 2));
  const label = `label ${randomUUID()}`;
  await client.request("sessions.patch", { key, label });
  return { id, key, label };
}

describe("an agent's id, however it is written,", () => {
  const WRITTEN = [
    "other:desk",
    "OTHER DESK",
    "other/desk",
    " other-desk ",
    "other.desk",
    "-other%desk-",
    "Other\tDesk",
  ];
  const KEY = "agent:other-desk:main";

  test("leads into the agent that the control gateway makes of it", async () => {
    const clients = await pair(plain);
    const { id } = freshSession();
    await clients.bob.request("agent", { agentId: "other:desk", ...request(say(id, 2)) });
    await expectReply(clients.desk, KEY, id);
  });

  test("is judged as that agent: no model call, and the transcript stays as it is", async () => {
    const clients = await pair(ruled);
    const { id } = freshSession();
    await converse(clients.desk, KEY, say(id, 2));
    const before = await transcript(clients.desk, KEY);
    const asked = freshSession().id;
    for (const agentId of WRITTEN) {
      expect(await code(clients.bob, "agent", { agentId, ...request(say(asked, 2)) })).toBe("FORBIDDEN");
      // With a colon it is a key of the agent that is his.
      const sessionKey = `agent:${agentId.replace(":", "/")}:main`;
      expect(await code(clients.bob, "agent", { sessionKey, ...request(say(asked, 2)) })).toBe("FORBIDDEN");
      expect(await code(clients.bob, "chat.send", { sessionKey: "main", agentId, ...request(say(asked, 2)) })).toBe(
        "FORBIDDEN",
      );
    }
    await settle();
    expect(prompts(asked)).toBe(0);
    expect(await transcript(clients.desk, KEY)).toBe(before);
    // The agent that is his answers him.
    const own = freshSession().id;
    expect(await code(clients.bob, "agent", { agentId: " OTHER ", ...request(say(own, 2)) })).toBe("ok");
    await expectReply(clients.desk, "agent:other:main", own);
  });
});

test("a denied `agent` is answered once; on the control gateway it is answered twice, the second time with the reply", async () => {
  const answers = async (gateway: Endpoint): Promise<string[]> => {
    const clients = await pair(gateway);
    const { id } = freshSession();
    const frame = randomUUID();
    const params = { agentId: "other-desk", ...request(say(id, 2)) };
    clients.bob.sendRaw({ type: "req", id: frame, method: "agent", params });
    const own = (): string[] => clients.bob.lines.filter((line) => line.includes(frame) && line.includes('"res"'));
    if (gateway === plain) await expect.poll(own, { timeout: 60_000 }).toHaveLength(2);
    else await sleep(5_000);
    return own().map((line) => (line.includes(`${id}-1`) ? "reply" : line.includes("FORBIDDEN") ? "FORBIDDEN" : "ok"));
  };
  expect(await answers(plain)).toEqual(["ok", "reply"]);
  expect(await answers(ruled)).toEqual(["FORBIDDEN"]);
});

test("`sessions.create` for a denied agent makes no session and starts no run", async (context) => {
  const create = async (gateway: Endpoint) => {
    const clients = await pair(gateway);
    const { id } = freshSession();
    const made = await code(clients.bob, "sessions.create", { agentId: "other-desk", message: say(id, 2) });
    await sleep(3_000);
    const keys = (await keysOf(clients.desk)).filter((key) => key.startsWith("agent:other-desk:dashboard:"));
    return { made, keys: keys.length, id };
  };
  const client = await connectByHand(plain, { scopes: SCOPES });
  if (!offers(client, "sessions.create")) return context.skip("no sessions.create on this release");
  expect(await create(plain)).toMatchObject({ made: "ok", keys: 1 });
  const { id, ...under } = await create(ruled);
  expect(under).toEqual({ made: "FORBIDDEN", keys: 0 });
  expect(prompts(id)).toBe(0);
  const clients = await pair(ruled);
  // Without a key: where all that the gateway may choose is allowed.
  expect(await code(clients.bob, "sessions.create", { agentId: "other" })).toBe("ok");
  expect(await code(clients.bob, "sessions.create", {})).toBe("FORBIDDEN");
  expect(await code(clients.bob, "sessions.create", { key: `agent:main:bob-${id.toLowerCase()}` })).toBe("ok");
});

describe("whether a session exists that Bob may not use", () => {
  /** Answers to requests about the session, and to the same about one that does not exist. */
  const asks = (part: string, label: string, sessionId: string, own: string): readonly [string, object][] => [
    ["sessions.list", { search: part }],
    ["sessions.list", { search: label }],
    ["sessions.list", { label }],
    ["sessions.resolve", { label }],
    ["sessions.resolve", { sessionId }],
    ["sessions.patch", { key: own, label }],
  ];

  async function differences(gateway: Endpoint): Promise<string[]> {
    const clients = await pair(gateway);
    const { key, label } = await vault(clients.desk);
    const own = `agent:main:bob-${freshSession().id.toLowerCase()}`;
    await converse(clients.bob, own, say(freshSession().id, 2));
    const { sessions } = (await clients.desk.request("sessions.list", {})) as { sessions: Payload[] };
    const sessionId = String(sessions.find((row) => row["key"] === key)!["sessionId"]);
    const [here, nowhere] = [
      asks(key.slice(-10), label, sessionId, own),
      asks(freshSession().id.toLowerCase().slice(-10), `label ${randomUUID()}`, randomUUID(), own),
    ];
    const found: string[] = [];
    for (const [index, [method, params]] of here.entries()) {
      const named = Object.values(params).concat(Object.values(nowhere[index]![1])).map(String);
      const same = (text: string): string => named.reduce((rest, each) => rest.replaceAll(each, "<named>"), text);
      const [there, none] = [
        same(await reply(clients.bob, method, params)),
        same(await reply(clients.bob, ...nowhere[index]!)),
      ];
      if (there !== none) found.push(`${method} ${Object.keys(params).at(-1)}`);
    }
    return found;
  }

  test("shows in searches, look-ups and labels on the control gateway, and under rules in none", async () => {
    const published = await differences(plain);
    expect(published).toEqual(
      expect.arrayContaining(["sessions.list search", "sessions.resolve label", "sessions.patch label"]),
    );
    expect(await differences(ruled)).toEqual([]);
  });

  test("shows in the pages and counts of the list on the control gateway, and not under rules", async () => {
    const pages = async (gateway: Endpoint): Promise<boolean> => {
      const clients = await pair(gateway);
      const own: string[] = [];
      for (let index = 0; index < 2; index += 1) {
        own.push(`agent:main:bob-${freshSession().id.toLowerCase()}`);
        await converse(clients.bob, own[index]!, say(freshSession().id, 2));
      }
      const ask = async () => {
        const page = await clients.bob.request("sessions.list", { limit: 2 });
        return JSON.stringify([page["count"], page["totalCount"], page["hasMore"], keysIn(page)]);
      };
      const before = await ask();
      await vault(clients.desk);
      return before === (await ask());
    };
    expect(await pages(plain)).toBe(false);
    expect(await pages(ruled)).toBe(true);
  });
});

function keysIn(page: Payload): unknown[] {
  return (page["sessions"] as Payload[]).map(({ key }) => key);
}

test("a voice-wake route leads no request of `agent` into a denied session", async (context) => {
  if (!capabilities(inject("isolated").release).reroutesVoiceWakes)
    return context.skip("this release does not reroute");
  const reroute = async (gateway: Endpoint) => {
    const clients = await pair(gateway);
    const { key } = await vault(clients.desk);
    await clients.desk.request("voicewake.routing.set", {
      config: {
        version: 1,
        defaultTarget: { mode: "current" },
        routes: [{ trigger: "open", target: { sessionKey: key } }],
      },
    });
    const { id } = freshSession();
    const params = { sessionKey: "main", voiceWakeTrigger: "open", ...request(say(id, 2)) };
    return { clients, key, id, answer: await code(clients.bob, "agent", params) };
  };
  const published = await reroute(plain);
  expect(published.answer).toBe("ok");
  await expectReply(published.clients.desk, published.key, published.id);
  const under = await reroute(ruled);
  expect(under.answer).toBe("FORBIDDEN");
  await settle();
  expect(prompts(under.id)).toBe(0);
  expect(await transcript(under.clients.desk, under.key)).not.toContain(under.id);
});

test("no run of a denied session is aborted by its id next to an allowed key", async () => {
  const abort = async (gateway: Endpoint) => {
    const clients = await pair(gateway);
    const [denied, own] = [freshSession(), `agent:main:bob-${freshSession().id.toLowerCase()}`];
    await converse(clients.bob, own, say(freshSession().id, 2));
    const { runId } = await clients.desk.chat(`agent:main:vault-${denied.id.toLowerCase()}`, say(denied.id, 30, 150));
    const begun = (): number => clients.desk.eventsWith(`${denied.id}-1`).length;
    await expect.poll(begun, { timeout: 60_000 }).toBeGreaterThan(0);
    const answered = await code(clients.bob, "chat.abort", { sessionKey: own, runId });
    await clients.desk.final(runId);
    return { answered, whole: clients.desk.text(runId) === answer(denied.id, 30) };
  };
  const published = await abort(plain);
  if (capabilities(plain.release).abortsRunsOfOtherSessions) expect(published.whole).toBe(false);
  expect(await abort(ruled)).toEqual({ answered: "FORBIDDEN", whole: true });
});

test("a preview of 200 sessions claims the 64 that its answer lists", async () => {
  const isolated = gateways().isolated;
  const [client, other] = [await connectByHand(isolated), await connectByHand(isolated)];
  const [listed, unlisted] = [freshSession(), freshSession()];
  const rest = Array.from({ length: 198 }, (_, index) => `agent:main:preview-${randomUUID()}-${index}`);
  const keys = [listed.key, ...rest.slice(0, 100), unlisted.key, ...rest.slice(100)];
  const { previews } = (await client.request("sessions.preview", { keys })) as { previews: Payload[] };
  expect(previews.map(({ key }) => key)).toEqual(keys.slice(0, 64));
  for (const { key, id } of [listed, unlisted]) await converse(other, key, say(id, 2));
  await settle();
  expect(client.eventsWith(`${listed.id}-`).length).toBeGreaterThan(0);
  expect(client.eventsWith(`${unlisted.id}-`)).toEqual([]);
});
