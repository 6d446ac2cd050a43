/**
 * The connections of the load, in a process of their own: what they cost is not the gateway's.
 * Arguments: the gateway's {@link Endpoint} as JSON, and how many connections to open.
 *
 * Each connection claims a session of its own. Then it does what {@link Order} says.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { now, keyOf, tokenOf } from "../../bench/timed-model.ts";
import { connectRaw, type Endpoint, type RawClient } from "../../test/support/wire/clients.ts";
import { meetSlowConsumers, type SlowOutcome } from "./slow-consumer.ts";
import { addCounts, clientFinder, type Counts, noCounts, Tally } from "./tally.ts";

export type Order = {
  /** Connections that chat, each on its session, all at once. */
  readonly sessions: number;
  /** Chunks of an answer. */
  readonly chunks: number;
  /** With two connections more that stop reading while the answers stream. */
  readonly slow?: boolean;
};

export type Outcome = {
  readonly counts: Counts;
  readonly latencies: readonly number[];
  /** Chats that ended with a final. */
  readonly answered: number;
  /** Chunks of own answers that no frame brought. */
  readonly missing: number;
  readonly seconds: number;
  readonly slow?: SlowOutcome;
};

/** Handshakes at a time. */
const CONNECTING = 8;
const TIMEOUT_MS = 180_000;
const SETTLE_MS = 1500;

const [endpoint, count] = process.argv.slice(2) as [string, string];
const gateway = JSON.parse(endpoint) as Endpoint;
const finder = clientFinder(Number(count));
const tallies: Tally[] = Array.from({ length: Number(count) }, (_, at) => new Tally(at, finder, now()));
const clients: RawClient[] = [];
/** Frames for everybody that may not be dropped: they close every slow consumer, and rightly so. */
let health = 0;

async function connectAll(): Promise<void> {
  await pLimit(CONNECTING).map(tallies.keys(), async (at) => {
    clients[at] = await connectRaw(gateway, {
      name: tokenOf(at),
      timeoutMs: 60_000,
      takes: (json) => {
        if (!json.startsWith('{"type":"event"') || json.includes('"connect.challenge"')) return false;
        tallies[at]!.take(json, now());
        if (at === 0 && json.includes('"event":"health"')) health += 1;
        return true;
      },
    });
    await clients[at].request("chat.history", { sessionKey: keyOf(at), limit: 1 }, { timeoutMs: 60_000 });
  });
}

async function say(client: RawClient, at: number): Promise<void> {
  const params = { sessionKey: keyOf(at), message: `say it, ${tokenOf(at)}`, idempotencyKey: randomUUID() };
  await client.request("chat.send", params, { timeoutMs: TIMEOUT_MS });
}

async function round({ sessions, chunks, slow }: Order): Promise<Outcome> {
  const start = now();
  for (const at of tallies.keys()) tallies[at] = new Tally(at, finder, start);
  const talking = tallies.slice(0, sessions);
  const over = async (): Promise<void> => {
    while (now() - start < TIMEOUT_MS && talking.some(({ ended }) => ended === undefined)) await sleep(50);
  };
  health = 0;
  const slowOnes = slow ? await meetSlowConsumers(gateway, keyOf(0)) : undefined;
  await Promise.all(clients.slice(0, sessions).map(say));
  if (slowOnes) {
    while (now() - start < TIMEOUT_MS && talking[0]!.counts.own === 0) await sleep(20);
    await slowOnes.wake();
  }
  await over();
  const seconds = (now() - start) / 1000;
  await sleep(SETTLE_MS);
  const counts = noCounts();
  for (const tally of tallies) addCounts(counts, tally.counts);
  return {
    counts,
    latencies: talking.flatMap(({ latencies }) => latencies),
    answered: talking.filter(({ ended }) => ended === "final").length,
    missing: talking.reduce((sum, tally) => sum + Math.max(0, chunks - tally.chunks), 0),
    seconds,
    ...(slowOnes ? { slow: await slowOnes.outcome(health, finder) } : {}),
  };
}

process.on("message", (order: Order) => {
  round(order).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      process.stderr.write(`load: the clients failed: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));
await connectAll();
process.send?.("ready");
