/** A crowd of clients on one gateway: they come, talk, look into each other's sessions, delete them and go. */
import { setTimeout as sleep } from "node:timers/promises";
import type { OpenBed } from "../../test/support/gateway/bed.ts";
import { connectRaw, type RawClient } from "../../test/support/wire/clients.ts";
import { wordsOf } from "../../test/support/gateway/script.ts";
import { Random } from "../fuzz/random.ts";

const CHUNKS = 8;
/** 2026.5 answers a message right after a final with an empty one. */
const AFTER_FINAL_MS = 700;
const WAKE_EVERY_MS = 5_000;
const ADMIN = ["operator.admin", "operator.read", "operator.write"];

export interface Crowd {
  readonly connected: number;
  readonly replies: number;
  /** Replies that did not come whole, and requests that failed. */
  readonly failures: readonly string[];
  /** Resolves when everybody has left. */
  leave(): Promise<void>;
}

/** @param size clients at a time; what they do follows from `seed` */
export function crowd({ gateway, model }: OpenBed, size: number, seed: number): Crowd {
  model.otherwise = () => ({ kind: "say", id: "", chunks: ["HEARTBEAT_OK"], delayMs: 0 });
  const over = new AbortController();
  const failures: string[] = [];
  let [connected, replies] = [0, 0];
  const keyOf = (member: number): string => `agent:main:soak-${member}`;

  async function visit(member: number, random: Random): Promise<void> {
    const caps = random.chance(0.3) ? ["tool-events"] : [];
    const client = await connectRaw(gateway, { name: `member ${member}`, scopes: ADMIN, caps });
    connected += 1;
    try {
      for (let deeds = 1 + random.below(4); deeds > 0 && !over.signal.aborted; deeds -= 1) {
        await deed(client, member, random);
        await sleep(random.below(2_000));
      }
    } finally {
      if (random.chance(0.5)) client.kill();
      else await client.close();
    }
  }

  async function deed(client: RawClient, member: number, random: Random): Promise<void> {
    const offered = client.hello.features.methods;
    const other = keyOf(random.below(size));
    const choice = random.below(10);
    if (choice < 4) await talk(client, member, random);
    else if (choice < 6) await client.request("chat.history", { sessionKey: other, limit: 5 });
    else if (choice < 8 && offered.includes("sessions.messages.subscribe")) {
      await client.request("sessions.messages.subscribe", { key: other });
      if (random.chance(0.5)) await client.request("sessions.messages.unsubscribe", { key: other });
    } else if (choice < 9 && offered.includes("sessions.subscribe")) await client.request("sessions.subscribe", {});
    // Its own, which nobody else talks on; it may be too busy, or not there.
    else await client.request("sessions.delete", { key: keyOf(member) }).catch(() => undefined);
  }

  async function talk(client: RawClient, member: number, random: Random): Promise<void> {
    const id = `S${random.word(8)}`;
    const { runId } = await client.chat(keyOf(member), `[[say id=${id} n=${CHUNKS} delay=15]]`);
    await client.final(runId, 60_000);
    replies += 1;
    if (client.text(runId) !== wordsOf(id, CHUNKS).join("")) failures.push(`a reply: "${client.text(runId)}"`);
    await sleep(AFTER_FINAL_MS);
  }

  async function belong(member: number): Promise<void> {
    const random = new Random(seed + member);
    while (!over.signal.aborted) {
      await visit(member, random).catch((error: unknown) => failures.push(String(error)));
      await sleep(random.below(500));
    }
  }

  async function wake(): Promise<void> {
    const client = await connectRaw(gateway, { name: "waker", scopes: ADMIN });
    for (let n = 0; !over.signal.aborted; n += 1) {
      await client.request("wake", { mode: "now", text: `event ${n}` });
      if (n % 4 === 0) await client.chat("agent:main:main", `[[say id=M${n} n=30 delay=50]]`);
      await sleep(WAKE_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
    await client.close();
  }

  const all = [...Array.from({ length: size }, (_, member) => belong(member)), wake()];
  for (const each of all) each.catch((error: unknown) => failures.push(String(error)));
  return {
    get connected() {
      return connected;
    },
    get replies() {
      return replies;
    },
    failures,
    leave: async () => {
      over.abort();
      await Promise.allSettled(all);
    },
  };
}
