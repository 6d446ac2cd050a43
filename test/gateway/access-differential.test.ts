/**
 * Every method of the release, with generated parameters, from a connection under access rules: nothing of a
 * denied session comes back, nothing is done to one, and a denied session answers like one that does not exist.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { isolationRegister, type OpenBed, openBed } from "../support/gateway/bed.ts";
import { createDevice } from "../support/gateway/device.ts";
import { GatewayRequestError, type Payload, type RawClient } from "../support/wire/clients.ts";
import { connectByHand, converse, freshSession, gateways, offers, say, settle } from "./contract.ts";
import { writeSettings } from "./own-bed.ts";

const SCOPES = ["operator.admin", "operator.read", "operator.write"];
const bob = createDevice();
const desk = createDevice();
const ACCESS = [
  { match: { deviceId: desk.deviceId }, sessions: ["*"] },
  { match: { deviceId: bob.deviceId }, sessions: ["agent:other:*", "agent:main:bob-*"] },
];
const OWN = "agent:main:bob-own";

/** What a session is called by in a request. */
interface Names {
  readonly key: string;
  readonly label: string;
  readonly sessionId: string;
  readonly runId: string;
  /** Of the reply in it; in no request. */
  readonly word: string;
}

/** A difference counts if it shows so often. */
const TIMES = 3;

/** What requests to the denied session say: no model may be asked it. */
const ASKED = "DENIEDRUN";

let bed: OpenBed;
let settings: { file: string; remove(): Promise<void> };

beforeAll(async () => {
  settings = await writeSettings({ access: ACCESS });
  bed = await openBed(inject("isolated").release, {
    preload: isolationRegister(),
    config: { agents: { list: [{ id: "main", default: true }, { id: "other" }, { id: "other-desk" }] } },
    env: { OPENCLAW_EVENT_ISOLATION_CONFIG: settings.file },
  });
});

afterAll(async () => {
  await bed?.close();
  await settings?.remove();
});

/** A session with something in all that a client can search for. */
async function deniedSession(client: RawClient): Promise<Names> {
  const { id } = freshSession();
  const key = `agent:main:vault-${id.toLowerCase()}`;
  const { runId } = await client.chat(key, say(id, 2));
  await client.final(runId);
  const label = `label-${randomUUID()}`;
  await client.request("sessions.patch", { key, label });
  const { sessions } = (await client.request("sessions.list", {})) as { sessions: Payload[] };
  return {
    key,
    label,
    runId,
    word: `${id}-1`,
    sessionId: String(sessions.find((row) => row["key"] === key)!["sessionId"]),
  };
}

function absentSession(): Names {
  const { id } = freshSession();
  const key = `agent:main:vault-${id.toLowerCase()}`;
  return { key, label: `label-${randomUUID()}`, runId: randomUUID(), sessionId: randomUUID(), word: `${id}-1` };
}

/** Parameters about a session: alone, next to one of the client's own sessions, written differently, and by values that mean it. */
function shapesOf({ key, label, sessionId, runId }: Names): readonly object[] {
  const rest = key.slice("agent:main:".length);
  const text = { message: `[[say id=${ASKED} n=2]]`, idempotencyKey: randomUUID() };
  return [
    { sessionKey: key, ...text },
    { key, ...text },
    { key: ` ${key.toUpperCase()} `, sessionKey: rest, agentId: "MAIN" },
    { key: rest },
    { sessionKey: rest, ...text },
    { keys: [OWN, key] },
    { sessionKeys: [OWN, key], query: "vault" },
    { targets: [{ key }], patch: { verboseLevel: "on" } },
    { sessionId },
    { sessionKey: OWN, sessionId },
    { key: OWN, label },
    { label },
    { label, agentId: "main" },
    { shortId: sessionId.slice(0, 8) },
    { reference: { key, slug: label } },
    { search: rest },
    { search: label, includeLastMessage: true, includeDerivedTitles: true },
    { query: rest, scope: { agentId: "main" } },
    { runId },
    { key: OWN, runId },
    { sessionKey: OWN, runId },
    { spawnedBy: key },
    { key: OWN, spawnedBy: key },
    { key: OWN, parentSessionKey: key },
    { agentId: "other:desk", ...text },
    { agentId: "other", to: key, ...text },
    { agentId: "other", channel: "webchat", to: key, ...text },
    {
      sessionKey: OWN,
      lane: `session:${key}`,
      inputProvenance: { kind: "inter_session", sourceSessionKey: key },
      ...text,
    },
    { id: sessionId },
    { deep: { list: [{ sessionKey: key }] } },
    {},
  ];
}

/** Answers about a session that is denied and one that does not exist, where they differ. */
async function differences(client: RawClient, methods: readonly string[], denied: Names): Promise<string[]> {
  const absent = absentSession();
  const found: string[] = [];
  for (const method of methods) {
    const nowhere = shapesOf(absent);
    for (const [index, params] of shapesOf(denied).entries()) {
      // A difference that is one shows each time; what a clock or a run in between does shows once.
      for (let times = 1; ; times += 1) {
        const [there, none] = await Promise.all([
          reply(client, method, fresh(params), denied),
          reply(client, method, fresh(nowhere[index]!), absent),
        ]);
        if (there === none) break;
        if (times < TIMES) continue;
        found.push(`${method} ${JSON.stringify(params)}\n  exists: ${there}\n  does not: ${none}`);
        break;
      }
    }
  }
  return found;
}

test("no method tells or does anything of a denied session, which answers like one that does not exist", async () => {
  const client = await connectByHand(bed.gateway, { name: "bob", device: bob, scopes: SCOPES });
  const owner = await connectByHand(bed.gateway, { name: "desk", device: desk, scopes: SCOPES });
  await converse(client, OWN, say(freshSession().id, 2));
  const [denied, unnamed] = [await deniedSession(owner), await deniedSession(owner)];
  const before = await world(owner, denied);
  const methods = client.hello.features.methods.filter((method) => method !== "connect");
  expect(methods.length).toBeGreaterThan(50);
  expect(await differences(client, methods, denied)).toEqual([]);

  await settle();
  const answers = client.lines.filter((line) => line.startsWith('{"type":"res"'));
  expect(answers.length).toBeGreaterThan(methods.length);
  // The second session was named in no request, and the words of the first neither: no answer has a reason to hold them.
  const secrets = [denied.word, ...Object.values(unnamed)];
  const told = answers.filter((line) => secrets.some((secret) => line.includes(secret)));
  expect(told.map((line) => line.slice(0, 500))).toEqual([]);
  expect(bed.model.requests.filter(({ lastUserText }) => lastUserText.includes(ASKED))).toEqual([]);
  expect(await world(owner, denied)).toEqual(before);
}, 900_000);

test("on the control gateway the same requests distinguish them", async () => {
  const client = await connectByHand(gateways().plain, { device: true, scopes: SCOPES });
  await converse(client, OWN, say(freshSession().id, 2));
  const methods = ["sessions.list", "sessions.resolve", "chat.history"];
  expect((await differences(client, methods, await deniedSession(client))).length).toBeGreaterThan(5);
});

/** A request's id may not be the same twice: the gateway would answer from memory. */
function fresh(params: object): object {
  return "idempotencyKey" in params ? { ...params, idempotencyKey: randomUUID() } : params;
}

/** The answer, without what a clock and generators put into it, and without the names that the request had. */
async function reply(client: RawClient, method: string, params: object, names: Names): Promise<string> {
  const text = await client.request(method, params, { timeoutMs: 20_000 }).then(
    (payload) => JSON.stringify({ payload }),
    (error: unknown) => {
      if (!(error instanceof GatewayRequestError)) throw error;
      return JSON.stringify({ error: [error.code, error.message, error.details] });
    },
  );
  const rest = names.key.slice("agent:main:".length);
  const written = [names.key, rest, names.label, names.sessionId, names.sessionId.slice(0, 8), names.runId];
  return written
    .reduce((all, each) => all.replaceAll(new RegExp(each, "gi"), "<name>"), text)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<id>")
    .replaceAll(/\d{3,}(?:\.\d+)?|\d+\.\d+/g, "<n>")
    .replaceAll(/"(?:ageMs|age|uptimeMs|durationMs|lastInputSeconds)":[\d.]+/g, '"age":0');
}

/** All that the requests may not change: the denied session's row and transcript, and which sessions there are. */
async function world(client: RawClient, { key }: Names): Promise<unknown> {
  const { sessions } = (await client.request("sessions.list", { limit: 10_000 })) as { sessions: Payload[] };
  const others = sessions.filter((row) => !/^agent:(?:other|main:bob-[^:]*)(?::|$)/.test(String(row["key"])));
  const { messages } = await client.request("chat.history", { sessionKey: key });
  const described = offers(client, "sessions.describe") ? await client.request("sessions.describe", { key }) : {};
  // When it was described is not a change.
  const { snapshotAt: _, ...row } = (described["session"] ?? {}) as Payload;
  return { keys: others.map(({ key: each }) => each).toSorted(), messages, row };
}
