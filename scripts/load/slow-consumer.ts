/** Two connections that stop reading while others are served: one claims a session that streams, one nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectRaw, type Endpoint, type RawClient } from "../../test/support/wire/clients.ts";
import { stopReading } from "../../test/support/wire/slow-consumer.ts";
import { type Finder, tellsOfOthers } from "./tally.ts";

export type Fate = {
  /** As "1008 slow consumer"; 2026.9 cuts (1006) who has not read that within a second. */
  readonly closed: string;
  /** Frames with content or the key of a session that reached it. */
  readonly frames: number;
};

export type SlowOutcome = {
  readonly claimer: Fate;
  readonly bystander: Fate;
  /** Frames for everybody that may not be dropped, once a minute: they close every slow consumer. */
  readonly health: number;
};

export const OPEN = "open";

/** Once reading again, it gets all that waits, and the close after it, within this. */
const DRAIN_MS = 5000;
/** From its last request until its buffer is full. */
const FILL_MS = 1500;

/** Connects both and has them stop reading. */
export async function meetSlowConsumers(gateway: Endpoint, sessionKey: string): Promise<SlowConsumers> {
  const claimer = await connectRaw(gateway, { name: "claimer", timeoutMs: 60_000 });
  const bystander = await connectRaw(gateway, { name: "bystander", timeoutMs: 60_000 });
  await claimer.request("chat.history", { sessionKey, limit: 1 });
  for (const client of [claimer, bystander]) stopReading(client);
  await sleep(FILL_MS);
  const last = await connectRaw(gateway, { name: "last", timeoutMs: 60_000 });
  await last.close();
  return new SlowConsumers(claimer, bystander);
}

export class SlowConsumers {
  readonly #claimer: RawClient;
  readonly #bystander: RawClient;

  constructor(claimer: RawClient, bystander: RawClient) {
    this.#claimer = claimer;
    this.#bystander = bystander;
  }

  /** The one with the claim reads again, soon enough to see why it was closed. */
  async wake(): Promise<void> {
    await sleep(200);
    this.#claimer.resume();
  }

  async outcome(health: number, finder: Finder): Promise<SlowOutcome> {
    this.#bystander.resume();
    const [claimer, bystander] = await Promise.all([fateOf(this.#claimer, finder), fateOf(this.#bystander, finder)]);
    return { claimer, bystander, health };
  }
}

async function fateOf(client: RawClient, finder: Finder): Promise<Fate> {
  const closed = await Promise.race([client.closed, sleep(DRAIN_MS, undefined, { ref: false })]);
  const frames = client.frames.filter(({ json }) => tellsOfOthers(finder, json)).length;
  await client.close();
  return { closed: closed ? `${closed.code} ${closed.reason}`.trim() : OPEN, frames };
}
