/** Part client: what the scoped client adds to a frame that the official client reads, and whether memory stays flat. */
import { median } from "simple-statistics";
import { type Params, type Peer, startStandIn } from "../test/support/wire/stand-in-gateway.ts";
import { type MeasuredProcess, measuredProcess } from "./processes.ts";
import { atMost, micros, type Options, type Part, ratio } from "./report.ts";

/** A run as 2026.9 sends it: an agent and a chat frame for each of its chunks, the text as it is then in both. */
const CHUNKS = 250;
const FRAMES = 2 * CHUNKS + 1;
const CHUNK = "eight ch";
const TOTAL_FRAMES = 100_000;
/** Frames of other people's runs for each own one, as an unprotected gateway with four chats sends them. */
const FOREIGN = 3;

/** A backend runs for days: what counts is code that is compiled. */
const WARM_UP_RUNS = 300;

type Sample = { readonly micros: number; readonly length: number; readonly heap: number };
type Variant = "official" | "client";

/** Sends a run's frames, with `foreign` frames of other runs alongside each. */
function play(params: Params, peer: Peer, foreign: number): void {
  const own = { runId: params["idempotencyKey"], sessionKey: params["sessionKey"], agentId: "main" };
  for (let i = 1; i <= CHUNKS; i += 1) {
    const text = CHUNK.repeat(i);
    const frames = (run: object): void => {
      peer.event("agent", {
        ...run,
        stream: "assistant",
        data: { text, delta: CHUNK },
        seq: i,
        ts: i,
        isHeartbeat: false,
      });
      const message = { role: "assistant", content: [{ type: "text", text }], timestamp: i };
      peer.event("chat", { ...run, seq: i, state: "delta", deltaText: CHUNK, message });
    };
    for (let n = 0; n < foreign; n += 1)
      frames({ runId: `foreign-${n}`, sessionKey: `agent:main:${n}`, agentId: "main" });
    frames(own);
  }
  const content = [{ type: "text", text: CHUNK.repeat(CHUNKS) }];
  peer.event("chat", {
    ...own,
    seq: CHUNKS + 1,
    state: "final",
    message: { role: "assistant", content, timestamp: 1 },
  });
}

async function start(variant: Variant, url: string, token: string): Promise<MeasuredProcess> {
  const child = await measuredProcess(new URL("client-child.ts", import.meta.url), [variant, url, token]);
  await child.next(); // ready
  return child;
}

async function measure(child: MeasuredProcess, runs: number, heap = false): Promise<Sample> {
  const answer = child.next();
  child.send({ runs, heap });
  const sample = (await answer) as Sample;
  if (sample.length !== runs * CHUNKS * CHUNK.length) throw new Error("a text was read wrong");
  return sample;
}

/** Both variants in turn, on the same frames. */
async function compare(foreign: number, rounds: number, runs: number) {
  const gateway = await startStandIn({
    "chat.send": (params, peer) => {
      setImmediate(() => play(params, peer, foreign));
      return { runId: params["idempotencyKey"], status: "started" };
    },
  });
  const children = [
    await start("official", gateway.url, gateway.token),
    await start("client", gateway.url, gateway.token),
  ];
  const frames = runs * (FRAMES + foreign * 2 * CHUNKS);
  const perFrame: [number[], number[]] = [[], []];
  try {
    for (const child of children) await measure(child, WARM_UP_RUNS);
    for (let round = 0; round < rounds; round += 1) {
      for (const [i, child] of children.entries()) perFrame[i]!.push((await measure(child, runs)).micros / frames);
    }
    const before = (await measure(children[1]!, 20, true)).heap;
    const after = (await measure(children[1]!, Math.ceil(TOTAL_FRAMES / FRAMES), true)).heap;
    return {
      official: median(perFrame[0]),
      client: median(perFrame[1]),
      ratio: median(perFrame[1].map((value, i) => value / perFrame[0][i]!)),
      heap: { before, after },
    };
  } finally {
    await Promise.all(children.map((child) => child[Symbol.asyncDispose]()));
    await gateway.close();
  }
}

export async function benchClient({ quick }: Options): Promise<Part> {
  const [rounds, runs] = quick ? [9, 20] : [25, 40];
  const own = await compare(0, rounds, runs);
  const shared = await compare(FOREIGN, rounds, Math.ceil(runs / FOREIGN));
  const row = (name: string, found: typeof own) => [
    name,
    micros(found.official * 1000),
    micros(found.client * 1000),
    ratio(found.ratio),
  ];
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  return {
    id: "client",
    title: "The scoped client against the official client alone, CPU time of the process",
    tables: [
      {
        title: `a frame of runs of ${CHUNKS} chunks`,
        columns: ["frames", "official µs", "client µs", "ratio"],
        rows: [row("own runs only", own), row(`and ${FOREIGN} foreign ones for each`, shared)],
      },
    ],
    targets: [
      atMost("client: own frames, ratio to the official client", own.ratio, 1.3),
      atMost("client: with foreign frames, ratio to the official client", shared.ratio, 1.3),
      atMost(
        `client: heap after ${TOTAL_FRAMES.toLocaleString("en")} frames to before`,
        own.heap.after / own.heap.before,
        1.1,
      ),
    ],
    notes: [`Heap in use: ${megabytes(own.heap.before)} before, ${megabytes(own.heap.after)} after.`],
  };
}
