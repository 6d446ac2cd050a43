/** Requests that no honest client sends: the gateway stays up and nobody gets anything by them. */
import { expect, test } from "vitest";
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

const { isolated } = gateways();

const KEYS: readonly [string, unknown][] = [
  ["a megabyte", "agent:main:".padEnd(1_000_000, "x")],
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

test.each(KEYS)("a session key that is %s", async (_, key) => {
  const session = freshSession();
  const hostile = await connectByHand(isolated);
  for (const [method, params] of METHODS) {
    await hostile.request(method, params(key)).catch(() => undefined); // refused or not: both are fine
  }
  const sender = await connect(isolated);
  expect(await converse(sender, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
  await settle();
  expect(traces(hostile, session)).toEqual([]);
});

test("params that are no object, and frames that are no request", async () => {
  const session = freshSession();
  const hostile = await connectByHand(isolated);
  for (const params of [[], 7, "text", true, null]) {
    hostile.sendRaw({ type: "req", id: crypto.randomUUID(), method: "chat.history", params });
    hostile.sendRaw({ type: "req", id: crypto.randomUUID(), method: "sessions.messages.subscribe", params });
  }
  const survivor = await connect(isolated);
  expect(await converse(survivor, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
  await settle();
  expect(traces(hostile, session)).toEqual([]);
});

test("guessing at a run: the idempotency key of another client's run brings none of its frames", async () => {
  const [own, victim] = [freshSession(), freshSession()];
  const [sender, thief] = [await connect(isolated), await connect(isolated)];
  const { runId } = await sender.chat(victim.key, say(victim.id, 20, 50));
  await thief.chat(own.key, say(own.id, 2), { idempotencyKey: runId }).catch(() => undefined);
  await thief.request("agent.wait", { runId, timeoutMs: 100 }).catch(() => undefined);
  await sender.final(runId);
  await settle();
  expect(traces(thief, victim)).toEqual([]);
});

test("a connection that asks for a thousand sessions is served", async () => {
  const client = await connectByHand(isolated);
  const method = offers(client, "sessions.messages.subscribe") ? "sessions.messages.subscribe" : "chat.history";
  const param = method === "chat.history" ? "sessionKey" : "key";
  for (let batch = 0; batch < 10; batch += 1) {
    const keys = Array.from({ length: 100 }, (_, index) => `agent:main:bulk-${batch}-${index}`);
    await Promise.all(keys.map((key) => client.request(method, { [param]: key })));
  }
  const session = freshSession();
  expect(await converse(client, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
});
