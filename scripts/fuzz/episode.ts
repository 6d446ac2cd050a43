/** Some seconds of honest clients that stream on their sessions, alongside hostile ones. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { connectOfficial, type Endpoint } from "../../test/support/wire/clients.ts";
import { wordsOf } from "../../test/support/gateway/script.ts";
import { Hostile } from "./hostile.ts";
import { type Finding, judge, type Session } from "./oracle.ts";
import { Random } from "./random.ts";

const VICTIMS = 3;
const HOSTILES = 4;
const CHUNKS = 40;

export interface EpisodeResult {
  readonly findings: readonly Finding[];
  /** Replies of honest clients that did not come whole. */
  readonly lost: readonly string[];
  readonly connections: number;
  readonly requests: number;
  readonly events: number;
  /** Of these, events of victims' sessions that the connection had asked for. */
  readonly rightful: number;
}

/**
 * @param seed what the hostile clients do follows from it; how it interleaves and the ends of the session keys do not
 * @param actions how many things each hostile client does
 */
export async function episode(gateway: Endpoint, seed: number, actions = 120): Promise<EpisodeResult> {
  const random = new Random(seed);
  const sessions: Session[] = Array.from({ length: VICTIMS }, () => {
    // The token is not part of the key: some events name sessions to everybody, none shows text.
    // New ones each time: a session that had a run just now is one that 2026.5 may answer with nothing.
    const unique = randomUUID().slice(0, 8);
    return { key: `agent:main:victim-${random.word(8)}-${unique}`, token: `t${random.word(9)}` };
  });
  const hostiles = Array.from(
    { length: HOSTILES },
    (_, index) => new Hostile(gateway, `hostile-${index}`, new Random(random.below(2 ** 32))),
  );
  const runIds: string[] = [];
  const lost: string[] = [];
  const over = new AbortController();

  async function converse(session: Session, index: number): Promise<void> {
    const client = await connectOfficial(gateway, { name: `victim-${index}` });
    try {
      for (let turn = 0; !over.signal.aborted; turn += 1) {
        // 2026.5 takes a text that a session has just had for the same message, and then runs nothing.
        const message = `${randomUUID()}: [[say id=${session.token} n=${CHUNKS} delay=15]]`;
        const { runId } = await client.chat(session.key, message);
        runIds.push(runId);
        const { json } = await client.final(runId);
        // 2026.2 without the module fails the same way, with many sessions on a busy machine.
        const storeIsBusy = json.includes("timeout acquiring session store lock");
        if (!storeIsBusy && client.text(runId) !== wordsOf(session.token, CHUNKS).join(""))
          lost.push(`${session.key} turn ${turn}: ${json.slice(0, 300)}`);
        await sleep(600); // 2026.5.7 answers a message right after a final with an empty one
      }
    } finally {
      await client.close();
    }
  }

  const talking = sessions.map((session, index) => converse(session, index));
  // Looked at below; until then a failed one must not end the process.
  for (const each of talking) each.catch(() => undefined);
  try {
    await Promise.all(
      hostiles.map(async (hostile) => {
        for (let action = 0; action < actions; action += 1) {
          await hostile.act({ sessions, runIds });
          await sleep(random.below(50));
        }
      }),
    );
  } finally {
    over.abort();
    for (const each of await Promise.allSettled(talking))
      if (each.status === "rejected") lost.push(String(each.reason));
    await sleep(500); // what is on its way to the wrong connection still comes
    await Promise.allSettled(hostiles.map((hostile) => hostile.close()));
  }
  const verdicts = hostiles.flatMap(({ logs }) => logs.map((log) => judge(log, sessions)));
  return {
    findings: verdicts.flatMap(({ findings }) => findings),
    lost,
    connections: verdicts.length,
    requests: hostiles.reduce((sum, { requests }) => sum + requests, 0),
    events: verdicts.reduce((sum, { events }) => sum + events, 0),
    rightful: verdicts.reduce((sum, { rightful }) => sum + rightful, 0),
  };
}
