/** Part c: what a booted gateway sends to 40 clients on 40 sessions, with and without the module. */
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { median, quantile } from "simple-statistics";
import { isolationRegister } from "../test/support/gateway/bed.ts";
import { connectRaw, type RawClient } from "../test/support/wire/clients.ts";
import { startGateway, type Gateway } from "../test/support/gateway/gateway.ts";
import { ensureRelease } from "../test/support/gateway/release.ts";
import { cpuMs } from "./processes.ts";
import { atMost, type Options, type Part, progress, ratio } from "./report.ts";
import { keyOf, keysIn, now, sendTimesIn, startTimedModel, tokenOf, tokensIn } from "./timed-model.ts";

const RELEASE = "2026.9.6";
const CLIENTS = 40;
/** Runs at a time: an agent run takes about half a second of CPU. */
const CONCURRENT = 3;
const SETTLE_MS = 1500;
/** Latency is mostly the agent's own work: at least this much between two rounds is noise. */
const LEAST_NOISE = 1.25;

type Name = "unprotected" | "module";
type Bed = { readonly name: Name; readonly gateway: Gateway; readonly clients: readonly Listener[] };
type Round = {
  readonly frames: number;
  readonly bytes: number;
  readonly foreign: number;
  /** Of the others: name another client's session, in no more than its key. */
  readonly keyOnly: readonly string[];
  readonly own: number;
  readonly answered: number;
  readonly latencies: readonly number[];
  readonly cpu: number;
};

export async function benchFanOut({ quick }: Options): Promise<Part> {
  const order: readonly Name[] = [
    ...(quick ? [] : (["unprotected", "module", "module", "unprotected"] as const)),
    "unprotected",
    "module",
  ];
  const rounds: Record<Name, Round[]> = { unprotected: [], module: [] };
  await using stack = new AsyncDisposableStack();
  const model = await startTimedModel();
  stack.defer(() => model.close());
  const beds = new Map<Name, Bed>();
  for (const name of ["unprotected", "module"] as const) {
    const gateway = await startGateway({
      release: await ensureRelease(RELEASE),
      model,
      preload: name === "module" ? isolationRegister() : undefined,
      config: { agents: { defaults: { maxConcurrent: CONCURRENT } } },
    });
    stack.defer(() => gateway.stop());
    const clients: Listener[] = [];
    for (let at = 0; at < CLIENTS; at += 1) clients.push(await listen(gateway, at));
    stack.defer(async () => void (await Promise.all(clients.map(({ client }) => client.close()))));
    beds.set(name, { name, gateway, clients });
  }
  // The first runs of a gateway load and compile what all later ones use.
  for (const bed of beds.values()) await chats(bed, CONCURRENT * 2);
  for (const [at, name] of order.entries()) {
    progress(`fan-out, round ${at + 1} of ${order.length} (${name})`);
    rounds[name].push(await round(beds.get(name)!));
  }
  return part(rounds);
}

/** A connection, and when each of its frames came. */
type Listener = { readonly client: RawClient; readonly at: number; readonly key: string; readonly received: number[] };

async function listen(gateway: Gateway, at: number): Promise<Listener> {
  const received: number[] = [];
  const client = await connectRaw(gateway, { name: tokenOf(at), timeoutMs: 30_000 });
  // The recorder's clock has whole milliseconds; one note per frame, in the order of `frames`.
  const { push } = client.frames;
  client.frames.push = (...frames) => {
    for (const _ of frames) received.push(now());
    return push.apply(client.frames, frames);
  };
  const missed = client.frames.length;
  for (let frame = 0; frame < missed; frame += 1) received.unshift(0);
  return { client, at, key: keyOf(at), received };
}

async function round(bed: Bed): Promise<Round> {
  const starts = bed.clients.map(({ client }) => client.frames.length);
  const cpuBefore = cpuMs(bed.gateway.pid);
  const answered = await chats(bed, CLIENTS);
  await sleep(SETTLE_MS);
  const cpu = cpuMs(bed.gateway.pid) - cpuBefore;
  const result = {
    frames: 0,
    bytes: 0,
    foreign: 0,
    keyOnly: [] as string[],
    own: 0,
    answered,
    latencies: [] as number[],
    cpu,
  };
  for (const [index, { client, at, received }] of bed.clients.entries()) {
    const seen = new Set<number>();
    for (let frame = starts[index] ?? 0; frame < client.frames.length; frame += 1) {
      const { event, json } = client.frames[frame]!;
      result.frames += 1;
      result.bytes += Buffer.byteLength(json);
      const about = tokensIn(json);
      const named = keysIn(json);
      if ([...about].some((other) => other !== at)) result.foreign += 1;
      else if ([...named].some((other) => other !== at)) result.keyOnly.push(event);
      else if (about.has(at) || named.has(at)) result.own += 1;
      if (!about.has(at)) continue;
      for (const sent of sendTimesIn(json)) {
        // Later frames repeat the text so far; history of earlier rounds does not count.
        if (seen.has(sent)) continue;
        seen.add(sent);
        result.latencies.push((received[frame] ?? 0) - sent);
      }
    }
  }
  return result;
}

/** One chat each for the first clients, a few at a time. Returns how many had their whole answer. */
async function chats({ clients }: Bed, count: number): Promise<number> {
  const answered = await pLimit(CONCURRENT).map(clients.slice(0, count), async ({ client, key, at }) => {
    const { runId } = await client.chat(key, `say it, ${tokenOf(at)}`);
    await client.final(runId, 120_000);
    return tokensIn(client.text(runId)).has(at);
  });
  return answered.filter(Boolean).length;
}

function part(rounds: Record<Name, Round[]>): Part {
  const sum = (name: Name, field: "frames" | "bytes" | "foreign" | "own" | "answered" | "cpu"): number =>
    rounds[name].reduce((total, each) => total + each[field], 0);
  const latency = (name: Name, at: number): number =>
    quantile(
      rounds[name].flatMap((each) => each.latencies),
      at,
    );
  const keyOnly = (name: Name): string[] => rounds[name].flatMap((each) => each.keyOnly);
  const row = (name: Name) => [
    name,
    sum(name, "answered"),
    sum(name, "frames"),
    (sum(name, "bytes") / 1e6).toFixed(2),
    sum(name, "own"),
    sum(name, "foreign"),
    keyOnly(name).length,
    latency(name, 0.5).toFixed(1),
    latency(name, 0.99).toFixed(1),
    (sum(name, "cpu") / 1000).toFixed(2),
  ];
  const over = (measure: (name: Name) => number): string => ratio(measure("module") / measure("unprotected"));
  const proportion = [
    "module/unprotected",
    over((name) => sum(name, "answered")),
    over((name) => sum(name, "frames")),
    over((name) => sum(name, "bytes")),
    over((name) => sum(name, "own")),
    over((name) => sum(name, "foreign")),
    "",
    over((name) => latency(name, 0.5)),
    over((name) => latency(name, 0.99)),
    over((name) => sum(name, "cpu")),
  ];
  const chatsSent = rounds.module.length * CLIENTS;
  const medians = (name: Name): number[] => rounds[name].map((each) => median(each.latencies));
  const noise = Math.max(LEAST_NOISE, Math.max(...medians("unprotected")) / Math.min(...medians("unprotected")));
  return {
    id: "c",
    title: `Booted ${RELEASE}, ${CLIENTS} clients on ${CLIENTS} sessions, ${rounds.module.length} chat(s) each, ${CONCURRENT} at a time`,
    tables: [
      {
        title: "sum over the rounds",
        columns: ["", "answers", "frames", "MB", "own", "foreign", "key only", "p50 ms", "p99 ms", "CPU s"],
        rows: [row("unprotected"), row("module"), proportion],
      },
    ],
    targets: [
      atMost("foreign frames with the module", sum("module", "foreign"), 0),
      atMost("chats whose answer the client did not get, with the module", chatsSent - sum("module", "answered"), 0),
      atMost(
        "median latency, module/unprotected, within noise",
        latency("module", 0.5) / latency("unprotected", 0.5),
        noise,
      ),
    ],
    notes: [
      "Foreign: contains another client's token, which is in its questions and answers. Own: contains the client's own token or key only.",
      `Key only: names another client's session and holds nothing of it. With the module: ${[...new Set(keyOnly("module"))].join(", ") || "none"}.`,
      "Latency: from the model's sending a chunk to the first own frame that contains it.",
      `Median latency of the rounds, ms: unprotected ${shown(medians("unprotected"))}; module ${shown(medians("module"))}.`,
      `Noise: slowest over fastest of the unprotected rounds, at least ${LEAST_NOISE}.`,
      "CPU: user and system time of the gateway process, agent runs included.",
    ],
  };
}

function shown(values: readonly number[]): string {
  return values.map((value) => value.toFixed(1)).join(", ");
}
