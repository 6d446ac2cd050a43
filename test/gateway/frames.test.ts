/** Frames that no client sends have the same outcome as on the control gateway, and disturb no other client. */
import { expect, test } from "vitest";
import type { Endpoint, RawClient } from "../support/wire/clients.ts";
import { answer, connect, connectByHand, converse, freshSession, gateways, say, settle, traces } from "./contract.ts";

const { plain, isolated } = gateways();

const AT_ONCE = 4;
const KEY = "agent:main:main";
const json = (method: string, params: unknown): string => JSON.stringify({ type: "req", id: "x", method, params });
/** As text, since an object literal's `__proto__` sets its prototype. */
const text = (method: string, params: string): string =>
  `{"type":"req","id":"x","method":"${method}","params":${params}}`;
const deep = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

type Frame = string | Buffer;

const FRAMES: readonly [string, Frame | ((client: RawClient) => Frame)][] = [
  ["nothing", ""],
  ["half of a JSON text", '{"type":"req","id":"x","method":"chat.hist'],
  ["no JSON", "GET / HTTP/1.1\r\n\r\n"],
  ["null", "null"],
  ["a string", '"chat.history"'],
  ["an array", "[]"],
  ["a request without an id", '{"type":"req","method":"chat.history"}'],
  ["a method that is an object", '{"type":"req","id":"x","method":{"toString":"chat.history"},"params":{}}'],
  ["another connect", json("connect", {})],
  ["an event of its own", '{"type":"event","event":"chat","payload":{"sessionKey":"agent:main:main"}}'],
  ["an answer to nothing", '{"type":"res","id":"x","ok":true,"payload":{"key":"agent:main:main"}}'],
  ["a request as bytes", Buffer.from(json("chat.history", { sessionKey: KEY }))],
  ["bytes", Buffer.from([0, 255, 254, 253, 0, 1, 2, 3])],
  ["UTF-8 cut off", Buffer.from(json("chat.history", { sessionKey: "agent:main:é" })).subarray(0, -4)],
  ["JSON 1,000 deep", text("chat.history", `{"sessionKey":${deep(1_000)}}`)],
  ["JSON 100,000 deep", text("sessions.messages.subscribe", `{"key":${deep(100_000)}}`)],
  ["keys 100,000 deep", text("sessions.preview", `{"keys":${deep(100_000)}}`)],
  ["__proto__ for params", text("chat.history", '{"__proto__":{"sessionKey":"agent:main:main"}}')],
  ["__proto__ for a key", text("chat.history", '{"sessionKey":"__proto__","__proto__":null}')],
  ["constructor.prototype", text("chat.history", '{"constructor":{"prototype":{"sessionKey":"agent:main:main"}}}')],
  ["toString and valueOf", text("chat.send", '{"sessionKey":{"toString":1,"valueOf":2},"message":[]}')],
  ["1,000 keys", json("sessions.preview", { keys: Array.from({ length: 1_000 }, (_, n) => `agent:main:k${n}`) })],
  ["100,000 fields", json("chat.history", Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`f${n}`, n])))],
  // The answer holds it twice: of a longer key it is too much for a connection's buffer, and how that ends is a race.
  [
    "a key as long as a quarter of a frame",
    (client) => json("chat.history", { sessionKey: "x".repeat(payloadOf(client) / 4) }),
  ],
  ["a frame that is too large", (client) => json("chat.history", { sessionKey: "x".repeat(payloadOf(client) + 1) })],
  ["bytes that are too many", (client) => Buffer.alloc(payloadOf(client) + 1)],
];

function payloadOf({ hello }: RawClient): number {
  return hello.policy.maxPayload;
}

/** How a gateway takes a frame: what it answers, and whether it goes on with the connection. */
async function fate(gateway: Endpoint, make: (typeof FRAMES)[number][1]) {
  const client = await connectByHand(gateway);
  const before = client.lines.length;
  client.sendRaw(typeof make === "function" ? make(client) : make);
  const closed = client.closed.then(({ code }) => `closed with ${code}`);
  const open = client.request("sessions.list", { limit: 1 }).then(
    () => "open",
    () => closed,
  );
  const end = await Promise.race([closed, open]);
  await settle(); // requests may overtake each other
  const answers = client.lines
    .slice(before)
    .map((line) => JSON.parse(line) as { type: string; id?: string; ok?: boolean; error?: { code?: string } })
    .filter(({ type, id }) => type === "res" && (id === "x" || id === "invalid"))
    .map(({ id, ok, error }) => ({ id, ok, code: error?.code }));
  return { client, outcome: { end, answers } };
}

test(`a session streams whole to its own client while ${FRAMES.length} odd frames come on other connections`, async () => {
  const session = freshSession();
  const sender = await connect(isolated);
  const reply = converse(sender, session.key, say(session.id, 100, 60));
  // Looked at below; until then a failed one must not end the run.
  reply.catch(() => undefined);
  const outcomes: Record<"published" | "scoped", Record<string, unknown>> = { published: {}, scoped: {} };
  const clients: RawClient[] = [];
  const queue = [...FRAMES];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [name, frame] = next;
      const [published, scoped] = await Promise.all([fate(plain, frame), fate(isolated, frame)]);
      outcomes.published[name] = published.outcome;
      outcomes.scoped[name] = scoped.outcome;
      clients.push(scoped.client);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(outcomes.scoped).toEqual(outcomes.published);
  // Else this list would try one thing only.
  expect(new Set(Object.values(outcomes.published).map((each) => JSON.stringify(each))).size).toBeGreaterThan(3);
  expect(await reply).toBe(answer(session.id, 100));
  await settle();
  for (const client of clients) expect(traces(client, session)).toEqual([]);
}, 180_000);
