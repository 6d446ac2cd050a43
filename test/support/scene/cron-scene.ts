/** A gateway whose queues can be looked into, and a cron job whose run leaves a command behind. */
import { setTimeout as sleep } from "node:timers/promises";
import { isolationRegister, type OpenBed, openBed } from "../gateway/bed.ts";
import type { Client, Payload } from "../wire/clients.ts";
import { merge, type Config } from "../gateway/gateway-config.ts";
import { freePort } from "../gateway/gateway.ts";
import { PATIENCE_MS } from "../gateway/patience.ts";
import type { ProbeReport } from "../fault/queue-probe.ts";
import { capabilities, toolsWithoutQuestions } from "../gateway/capabilities.ts";
import type { Release } from "../gateway/release.ts";

export interface CronBed extends OpenBed {
  /** May add and run cron jobs. */
  readonly admin: Client;
  /** What waits where, and what was drained from where. */
  queues(): Promise<ProbeReport>;
}

export interface CronBedOptions {
  readonly release: Release;
  readonly isolated: boolean;
  readonly scope?: "global";
  readonly config?: Config;
  readonly env?: Readonly<Record<string, string>>;
  /** Further preloads, after the probe. */
  readonly preloads?: readonly string[];
}

const PROBE = new URL("../fault/queue-probe.ts", import.meta.url).href;

/** Boots a gateway with a heartbeat, exec without questions, and the probe. */
export async function openCronBed(options: CronBedOptions): Promise<CronBed> {
  const { release, isolated, scope } = options;
  const port = await freePort();
  const imports = [PROBE, ...(options.preloads ?? [])].map((url) => `--import=${url}`).join(" ");
  const { deadlocksForcedCronRuns } = capabilities(release);
  const base: Config = {
    ...(deadlocksForcedCronRuns ? { cron: { maxConcurrentRuns: 2 } } : {}),
    tools: toolsWithoutQuestions(release, { notifyOnExit: true, backgroundMs: 1_000 }),
    // Only wakes make it run within a test.
    agents: { defaults: { heartbeat: { every: "6h", target: "none" } } },
    ...(scope ? { session: { scope } } : {}),
  };
  const bed = await openBed(release, {
    ...(isolated ? { preload: isolationRegister() } : {}),
    config: merge(base, options.config ?? {}),
    env: { NODE_OPTIONS: imports, OPENCLAW_TEST_PROBE_PORT: String(port), ...options.env },
  });
  bed.model.otherwise = () => ({ kind: "say", id: "", chunks: ["HEARTBEAT_OK"], delayMs: 0 });
  try {
    const admin = await bed.connect({ scopes: ["operator.admin", "operator.read", "operator.write"] });
    return { ...bed, admin, queues: () => peek(port) };
  } catch (error) {
    await bed.close();
    throw error;
  }
}

async function peek(port: number): Promise<ProbeReport> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  return (await response.json()) as ProbeReport;
}

/** Parameters of `cron.add`: a job with an isolated agent turn, which runs when it is forced to, and tells nobody. */
export function cronJob({ gateway }: CronBed, message: string): Payload {
  const { hasCronDelivery, deliversCronToWebhooks } = capabilities(gateway.release);
  const delivery = deliversCronToWebhooks ? { mode: "webhook", to: "http://127.0.0.1:9/hook" } : { mode: "none" };
  return {
    name: `job ${Date.now()}`,
    schedule: { kind: "at", at: new Date(Date.now() + 3_600_000).toISOString() },
    sessionTarget: "isolated",
    wakeMode: "next-heartbeat",
    payload: { kind: "agentTurn", message, ...(hasCronDelivery ? {} : { deliver: false }) },
    deleteAfterRun: false,
    ...(hasCronDelivery ? { delivery } : {}),
  };
}

/**
 * Adds a job with an isolated agent turn, runs it, and waits for the run's end.
 *
 * @param message what the job's agent is told, a directive for the scripted model
 * @param timeoutMs until the run's end
 * @returns the job's id
 */
export async function runCronJob(bed: CronBed, message: string, timeoutMs = PATIENCE_MS): Promise<string> {
  const { admin } = bed;
  const job = await admin.request("cron.add", cronJob(bed, message));
  const jobId = String(job["id"] ?? (job["job"] as { id?: unknown } | undefined)?.id);
  await admin.request("cron.run", { id: jobId, mode: "force" }, { timeoutMs: Math.max(60_000, timeoutMs) });
  await until(
    async () => {
      const { entries } = await admin.request("cron.runs", { id: jobId, limit: 5 });
      return Array.isArray(entries) && entries.length > 0 ? true : undefined;
    },
    timeoutMs,
    "the cron run's end",
  );
  return jobId;
}

/** Asks until there is an answer. */
export async function until<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number,
  what: string,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`${what} did not come in ${timeoutMs} ms`);
    await sleep(100);
  }
}

/** Where the end of a run's command was reported to. */
export interface Outcome {
  /** Keys under which it still waits, also after one more heartbeat of the main session. */
  readonly waitingUnder: readonly string[];
  /** Keys out of whose queue it was taken. */
  readonly drainedFrom: readonly string[];
  /** Model calls of heartbeats since the command ended. */
  readonly heartbeats: number;
  /** From the command's end until it was drained. */
  readonly ms: number | undefined;
}

const COMMAND_S = 3;
/** It may never come: the release drops wakes at times. */
const HEARTBEAT_WITHIN_MS = 15_000;
const DRAINED_WITHIN_MS = 10_000;
/** On a busy machine a run takes long to come to its model. */
const ASKED_WITHIN_MS = 60_000;

/** Runs a cron job that leaves a command behind, and follows the event of the command's end. */
export async function followCronEvent(
  bed: CronBed,
  options: { readonly prewake?: boolean; readonly exitCode?: number; readonly foreground?: boolean } = {},
): Promise<Outcome> {
  if (options.prewake) await heartbeat(bed, PATIENCE_MS);
  const id = `EV${Date.now()}`;
  const exit = options.exitCode === undefined ? "" : `; exit ${options.exitCode}`;
  const command = `sleep ${COMMAND_S}; echo ${id}-END${exit}`;
  const how = options.foreground ? "" : " background";
  await runCronJob(bed, `[[tool id=${id} cmd="${command}"${how} n=1]]`);
  // On a busy machine the command has ended, and its heartbeat has asked a model, before the cron run is over.
  return await follow(bed, `${id}-END`, bed.model.requests.find((request) => request.id === id)?.at);
}

/**
 * Follows an event by a text that is in no other.
 *
 * @param raisedAfter Unix time in ms before which it cannot have been enqueued
 */
export async function follow(bed: CronBed, marker: string, raisedAfter?: number): Promise<Outcome> {
  const places = async () => {
    const { waiting, drained } = await bed.queues();
    const waitingUnder = Object.keys(waiting).filter((key) => waiting[key]!.some((text) => text.includes(marker)));
    const drainedFrom = [...new Set(drained.filter(({ text }) => text.includes(marker)).map(({ key }) => key))];
    return { waitingUnder, drainedFrom };
  };
  await until(
    async () => {
      const { waitingUnder, drainedFrom } = await places();
      return waitingUnder.length + drainedFrom.length > 0 ? true : undefined;
    },
    PATIENCE_MS,
    `a system event with ${marker}`,
  );
  const since = Date.now();
  const drained = async () => ((await places()).drainedFrom.length > 0 ? Date.now() - since : undefined);
  let ms = await until(drained, DRAINED_WITHIN_MS, "").catch(() => undefined);
  const askedAfter = raisedAfter ?? since - 1_000;
  const heartbeats = () => bed.model.requests.filter(({ at, id }) => id === "" && at >= askedAfter).length;
  if (ms === undefined) {
    await heartbeat(bed).catch(() => undefined);
    ms = await until(drained, DRAINED_WITHIN_MS, "").catch(() => undefined);
  }
  // An event is taken out of its queue some seconds before the model is asked, or after it.
  const patienceMs = ms === undefined ? 0 : ASKED_WITHIN_MS;
  await until(() => (heartbeats() > 0 ? true : undefined), patienceMs, "").catch(() => undefined);
  return { ...(await places()), heartbeats: heartbeats(), ms };
}

/** Has the main session's heartbeat run once. */
async function heartbeat(bed: CronBed, withinMs = HEARTBEAT_WITHIN_MS): Promise<void> {
  const before = bed.model.requests.length;
  await bed.admin.request("wake", { mode: "now", text: `please look at ${Date.now()}` });
  await until(
    () => bed.model.requests.slice(before).find(({ id, done }) => id === "" && done),
    withinMs,
    "the heartbeat's model call",
  );
  await sleep(1_500);
}
