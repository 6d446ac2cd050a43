/** Two connections that stop reading while others are served: one claims a session that streams, one nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { tokensIn } from "../../bench/timed-model.ts";
import { connectRaw, type Endpoint, type RawClient } from "../../test/support/clients.ts";
import { stopReading } from "../../test/support/slow-consumer.ts";

export type Fate = {
  /** As "1008 slow consumer", or "open". */
  readonly closed: string;
  /** Frames with content of sessions that reached it. */
  readonly frames: number;
};

export type SlowOutcome = { readonly claimer: Fate; readonly bystander: Fate };

/** Once reading again, it gets all that waits, and the close after it. */
const DRAIN_MS = 10_000;

/** Connects both and has them stop reading. */
export async function meetSlowConsumers(
  gateway: Endpoint,
  sessionKey: string,
): Promise<{ outcome(): Promise<SlowOutcome> }> {
  const open = async (name: string): Promise<SlowConsumer> => new SlowConsumer(await connect(gateway, name));
  const claimer = await open("claimer");
  const bystander = await open("bystander");
  const { client } = claimer;
  await client.request("chat.history", { sessionKey, limit: 1 });
  for (const each of [claimer, bystander]) stopReading(each.client);
  // Answered after theirs: from here on their buffers are full.
  const last = await connect(gateway, "last");
  await last.request("models.list", {}, { timeoutMs: 120_000 });
  await last.close();
  return {
    async outcome() {
      const [first, second] = await Promise.all([claimer.fate(), bystander.fate()]);
      return { claimer: first, bystander: second };
    },
  };
}

function connect(gateway: Endpoint, name: string): Promise<RawClient> {
  return connectRaw(gateway, { name, timeoutMs: 60_000 });
}

class SlowConsumer {
  readonly client: RawClient;

  constructor(client: RawClient) {
    this.client = client;
  }

  async fate(): Promise<Fate> {
    this.client.resume();
    const open = sleep(DRAIN_MS, undefined, { ref: false });
    const closed = await Promise.race([this.client.closed, open]);
    const frames = this.client.frames.filter(({ json }) => tokensIn(json).size > 0).length;
    await this.client.close();
    return { closed: closed ? `${closed.code} ${closed.reason}`.trim() : "open", frames };
  }
}
