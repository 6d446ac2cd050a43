/**
 * Requests that no honest client sends: the gateway stays up and nobody gets anything by them. Each case runs on the
 * control gateway too, where the same judge has to find the frames of the other session first.
 */
import { expect, test } from "vitest";
import type { Endpoint, RawClient, RecordedFrame } from "../support/wire/clients.ts";
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

const { plain, isolated } = gateways();

const KEYS: readonly [string, unknown][] = [
  ["400,000 characters long", "agent:main:".padEnd(400_000, "x")],
  ["a number", 42],
  ["an array", ["agent:main:main"]],
  ["an object", { toString: "agent:main:main" }],
  ["null", null],
  ["a blank", "   "],
  ["__proto__", "__proto__"],
  ["constructor", "agent:main:constructor"],
  ["control characters", "agent:main:a\u0000b\nc\u001b[2J"],
  ["a glob", "agent:*:*"],
  ["another agent's key", "agent:nobody:main"],
  ["two parts", "agent:main"],
];

const METHODS: readonly [string, (key: unknown) => object][] = [
  ["chat.history", (key) => ({ sessionKey: key })],
  ["chat.abort", (key) => ({ sessionKey: key })],
  ["sessions.preview", (key) => ({ keys: [key] })],
  ["sessions.preview", (key) => ({ keys: key })],
  ["sessions.messages.subscribe", (key) => ({ key })],
  ["sessions.messages.unsubscribe", (key) => ({ key })],
  ["sessions.get", (key) => ({ key })],
];

/** What a client that attacks receives of a session in which another one talks afterwards. */
async function spoils(gateway: Endpoint, attack: (hostile: RawClient) => unknown): Promise<RecordedFrame[]> {
  const session = freshSession();
  const hostile = await connectByHand(gateway);
  await attack(hostile);
  const sender = await connect(gateway);
  expect(await converse(sender, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
  await settle();
  // Its connection is open: it has received nothing because nothing was sent.
  await hostile.request("health", {});
  return traces(hostile, session);
}

test.each(KEYS)("a client whose session key is %s receives nothing of another session", async (_, key) => {
  const attack = async (hostile: RawClient): Promise<void> => {
    for (const [method, params] of METHODS) {
      await hostile.request(method, params(key)).catch(() => undefined); // refused or not: both are fine
    }
  };
  const [leaked, received] = await Promise.all([spoils(plain, attack), spoils(isolated, attack)]);
  expect(leaked).not.toEqual([]);
  expect(received).toEqual([]);
});

test("a client that sends malformed params receives nothing of another session", async () => {
  const attack = (hostile: RawClient): void => {
    for (const params of [[], 7, "text", true, null]) {
      hostile.sendRaw({ type: "req", id: crypto.randomUUID(), method: "chat.history", params });
      hostile.sendRaw({ type: "req", id: crypto.randomUUID(), method: "sessions.messages.subscribe", params });
    }
  };
  const [leaked, received] = await Promise.all([spoils(plain, attack), spoils(isolated, attack)]);
  expect(leaked).not.toEqual([]);
  expect(received).toEqual([]);
});

test("a client that sends another client's idempotency key receives none of that client's frames", async () => {
  const stolen = async (gateway: Endpoint): Promise<RecordedFrame[]> => {
    const [own, victim] = [freshSession(), freshSession()];
    const [sender, thief] = [await connect(gateway), await connect(gateway)];
    const { runId } = await sender.chat(victim.key, say(victim.id, 20, 50));
    await thief.chat(own.key, say(own.id, 2), { idempotencyKey: runId }).catch(() => undefined);
    await thief.request("agent.wait", { runId, timeoutMs: 100 }).catch(() => undefined);
    await sender.final(runId);
    await settle();
    return traces(thief, victim);
  };
  const [leaked, received] = await Promise.all([stolen(plain), stolen(isolated)]);
  expect(leaked).not.toEqual([]);
  expect(received).toEqual([]);
});

/** Has one client ask for many sessions, of which ten then run, from the first to the last; who has the texts of them? */
async function tenOf(
  gateway: Endpoint,
  count: number,
): Promise<{ served: string[]; expected: string[]; leaked: boolean[] }> {
  const [client, bystander, sender] = [
    await connectByHand(gateway),
    await connectByHand(gateway),
    await connect(gateway),
  ];
  const sessions = Array.from({ length: count }, () => freshSession("bulk"));
  const method = offers(client, "sessions.messages.subscribe") ? "sessions.messages.subscribe" : "chat.history";
  const param = method === "chat.history" ? "sessionKey" : "key";
  for (let from = 0; from < count; from += 100) {
    const batch = sessions.slice(from, from + 100);
    await Promise.all(batch.map(({ key }) => client.request(method, { [param]: key })));
  }
  const running = Array.from({ length: 10 }, (_, nth) => sessions[Math.round((nth * (count - 1)) / 9)]!);
  const texts = running.map(async ({ key, id }) => {
    const { runId } = await sender.chat(key, say(id, 4));
    await client.final(runId);
    return client.text(runId);
  });
  const served = await Promise.all(texts);
  await settle();
  const leaked = running.map((session) => traces(bystander, session).length > 0);
  return { served, expected: running.map(({ id }) => answer(id, 4)), leaked };
}

test("a client that asks for a thousand sessions receives the runs of the first, the last and eight between, and a bystander none", async () => {
  const [published, isolating] = await Promise.all([tenOf(plain, 10), tenOf(isolated, 1_000)]);
  expect(published.leaked).toEqual(Array.from({ length: 10 }, () => true));
  expect(isolating.served).toEqual(isolating.expected);
  expect(isolating.leaked).toEqual(Array.from({ length: 10 }, () => false));
});
