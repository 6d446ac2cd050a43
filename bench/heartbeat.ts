/** Part e: what heartbeats and the module cost a user's reply, during a heartbeat and without one. */
import { setTimeout as sleep } from "node:timers/promises";
import { median, quantile } from "simple-statistics";
import { isolationRegister, openBed, type OpenBed } from "../test/support/gateway/bed.ts";
import type { Client } from "../test/support/wire/clients.ts";
import { heartbeatScene, HEARTBEATS_ON, MAIN_SESSION, type Scene } from "../test/support/scene/heartbeat-scene.ts";
import { ensureRelease } from "../test/support/gateway/release.ts";
import { atMost, type Options, type Part, progress, type Table, type Target } from "./report.ts";

const RELEASES = ["2026.2.9", "2026.5.7", "2026.6.11", "2026.9.6"];
const LIMIT = 1.05;
/** 2026.5 answers a message that follows a final at once with an empty one. */
const BETWEEN_MS = 600;
/** Into a heartbeat's model call, which takes 1.2 s. */
const MEET_MS = 150;
/** Releases run five heartbeats a minute at most. */
const MEETINGS = 4;
const WARM_UP = 4;

interface Latencies {
  readonly off: readonly number[];
  readonly on: readonly number[];
  /** Of messages that met a heartbeat. */
  readonly meeting: readonly number[];
}

export async function benchHeartbeat({ quick }: Options): Promise<Part> {
  const rounds = quick ? 12 : 40;
  const rows: Table["rows"][number][] = [];
  const targets: Target[] = [];
  for (const version of RELEASES) {
    const { off, on, meeting } = await measure(version, rounds);
    const ratio = median(on) / median(off);
    progress(`${version}: off ${shown(off, 0.5)} ms, on ${shown(on, 0.5)} ms, meeting ${shown(meeting, 0.5)} ms`);
    targets.push(
      atMost(`${version}: median reply, heartbeats on and module over heartbeats off, no module`, ratio, LIMIT),
    );
    rows.push([
      version,
      shown(off, 0.5),
      shown(on, 0.5),
      ratio.toFixed(3),
      shown(off, 0.9),
      shown(on, 0.9),
      shown(meeting, 0.5),
      (median(meeting) - median(on)).toFixed(0),
    ]);
  }
  const columns = ["", "off p50 ms", "on p50 ms", "on/off", "off p90", "on p90", "meeting p50", "added by abort"];
  return {
    id: "e",
    title: `A user's reply alongside heartbeats, ${rounds} messages each`,
    tables: [{ title: "from the request to the final, by release", columns, rows }],
    targets,
    notes: [
      "off: heartbeats turned off, module not loaded. on: heartbeats on, module loaded; none runs then.",
      "Each round sends one message to each of the two gateways, in turns; a different one goes first each time.",
      `meeting: up to ${MEETINGS} messages to the gateway with the module, sent ${MEET_MS} ms into a heartbeat's model call on their session.`,
      "2026.9.6 aborts heartbeats itself: the time added there is the release's own.",
    ],
  };
}

async function measure(version: string, rounds: number): Promise<Latencies> {
  const release = await ensureRelease(version);
  await using stack = new AsyncDisposableStack();
  const open = async (preload: string | undefined): Promise<OpenBed> => {
    const bed = await openBed(release, preload ? { preload, config: HEARTBEATS_ON } : {});
    stack.defer(() => bed.close());
    return bed;
  };
  const beds = { off: await open(undefined), on: await open(isolationRegister()) };
  const user = await beds.off.connect({ name: "off" });
  // 2026.5 repeats an undelivered alert instead of the next heartbeat.
  const scene = await heartbeatScene(beds.on, ["HEARTBEAT_OK"]);
  const clients = { off: user, on: scene.user };
  const latencies = { off: [] as number[], on: [] as number[] };
  for (let round = 0; round < rounds + WARM_UP; round += 1) {
    if (round % 10 === 0) progress(`${version}, round ${round + 1} of ${rounds + WARM_UP}`);
    for (const name of round % 2 === 0 ? (["off", "on"] as const) : (["on", "off"] as const)) {
      const ms = await reply(clients[name], `R${round}`);
      if (round >= WARM_UP) latencies[name].push(ms);
      await sleep(BETWEEN_MS);
    }
  }
  return { ...latencies, meeting: await meetings(scene) };
}

/** Milliseconds from the request to the run's final. */
async function reply(client: Client, id: string): Promise<number> {
  const from = performance.now();
  const { runId } = await client.chat(MAIN_SESSION, `[[say id=${id} n=4 delay=10]]`);
  await client.final(runId);
  return performance.now() - from;
}

async function meetings(scene: Scene): Promise<number[]> {
  const latencies = [];
  for (let at = 0; at < MEETINGS; at += 1) {
    progress(`a message meets a heartbeat, ${at + 1} of ${MEETINGS}`);
    await scene.user.request("wake", { mode: "now", text: `EVENT${at}` });
    if (await scene.heartbeatCall(20_000)) {
      await sleep(MEET_MS);
      latencies.push(await reply(scene.user, `M${at}`));
    } else progress("the release ran none");
    // The aborted heartbeat comes again, a second later; the flood guard counts both.
    await sleep(15_000);
  }
  if (latencies.length === 0) throw new Error("no heartbeat came to the model");
  return latencies;
}

function shown(values: readonly number[], at: number): string {
  return quantile(values, at).toFixed(0);
}
