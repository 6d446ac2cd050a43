/** A gateway whose queues can be looked into, and a cron job whose run leaves a command behind. */
import { setTimeout as sleep } from "node:timers/promises";
import { isolationRegister, type OpenBed, openBed } from "./bed.ts";
import type { Client } from "./clients.ts";
import { merge, type Config } from "./gateway-config.ts";
import { freePort } from "./gateway.ts";
import type { ModelRequest } from "./model.ts";
import { compareVersions, type Release } from "./release.ts";

/** What a run leaves queued where: by session key, null for a key that the release refuses. */
export type Queues = Readonly<Record<string, readonly string[] | null>>;

export interface CronBed extends OpenBed {
  /** May add and run cron jobs. */
  readonly admin: Client;
  /** What waits under the keys now. */
  queues(...keys: string[]): Promise<Queues>;
}

export interface CronBedOptions {
  readonly release: Release;
  readonly isolated: boolean;
  readonly scope?: "global";
  readonly config?: Config;
  readonly env?: Readonly<Record<string, string>>;
}

const PROBE = new URL("queue-probe.ts", import.meta.url).href;

/** Boots a gateway with a heartbeat, exec without questions, and the probe. */
export async function openCronBed(options: CronBedOptions): Promise<CronBed> {
  const { release, isolated, scope } = options;
  const port = await freePort();
  const newest = compareVersions(release.version, "2026.9.0") >= 0;
  const exec = newest ? { mode: "full" } : { security: "full", ask: "off" };
  const base: Config = {
    tools: { exec: { host: "gateway", notifyOnExit: true, ...exec }, ...(newest ? { toolSearch: false } : {}) },
    // Only wakes make it run within a test.
    agents: { defaults: { heartbeat: { every: "6h", target: "none" } } },
    ...(scope ? { session: { scope } } : {}),
  };
  const bed = await openBed(release, {
    ...(isolated ? { preload: isolationRegister() } : {}),
    config: merge(base, options.config ?? {}),
    env: { NODE_OPTIONS: `--import=${PROBE}`, OPENCLAW_TEST_PROBE_PORT: String(port), ...options.env },
  });
  try {
    const admin = await bed.connect({ scopes: ["operator.admin", "operator.read", "operator.write"] });
    return { ...bed, admin, queues: (...keys) => peek(port, keys) };
  } catch (error) {
    await bed.close();
    throw error;
  }
}

async function peek(port: number, keys: readonly string[]): Promise<Queues> {
  const query = keys.map((key) => `key=${encodeURIComponent(key)}`).join("&");
  const response = await fetch(`http://127.0.0.1:${port}/?${query}`);
  return (await response.json()) as Queues;
}

export interface CronRun {
  readonly jobId: string;
  /** Keys under which releases queue what the run raises. */
  readonly runKeys: readonly string[];
}

/**
 * Adds a job with an isolated agent turn, runs it, and waits for the run's end.
 *
 * @param message what the job's agent is told, a directive for the scripted model
 */
export async function runCronJob(bed: CronBed, message: string, agentId = "main"): Promise<CronRun> {
  const { admin, gateway } = bed;
  // Without a delivery target newer releases withhold exit notices; 2026.2 knows no webhooks.
  const old = compareVersions(gateway.release.version, "2026.3.0") < 0;
  const job = await admin.request("cron.add", {
    name: `job ${Date.now()}`,
    schedule: { kind: "at", at: new Date(Date.now() + 3_600_000).toISOString() },
    sessionTarget: "isolated",
    wakeMode: "next-heartbeat",
    payload: { kind: "agentTurn", message },
    deleteAfterRun: false,
    ...(agentId === "main" ? {} : { agentId }),
    delivery: old ? { mode: "none" } : { mode: "webhook", to: "http://127.0.0.1:9/hook" },
  });
  const jobId = String(job["id"] ?? (job["job"] as { id?: unknown } | undefined)?.id);
  await admin.request("cron.run", { id: jobId, mode: "force" }, { timeoutMs: 60_000 });
  const base = `agent:${agentId}:cron:${jobId}`;
  const runs = await until(
    async () => {
      const { sessions } = (await admin.request("sessions.list", {})) as { sessions?: { key: string }[] };
      const keys = (sessions ?? []).map(({ key }) => key).filter((key) => key.startsWith(base));
      const entries = await admin.request("cron.runs", { id: jobId, limit: 5 });
      const done = Array.isArray(entries["entries"]) && entries["entries"].length > 0;
      return done ? { keys, entries: entries["entries"] as { sessionKey?: string; sessionId?: string }[] } : undefined;
    },
    30_000,
    "the cron run's end",
  );
  const named = runs.entries.flatMap(({ sessionKey, sessionId }) => [
    ...(sessionKey ? [sessionKey] : []),
    ...(sessionId ? [`${base}:run:${sessionId}`] : []),
  ]);
  return { jobId, runKeys: [...new Set([base, ...runs.keys, ...named])] };
}

/** A directive for a command that goes on after the run that started it has ended. */
export function leaveBehind(id: string, command: string): string {
  return `[[tool id=${id} cmd="${command}" background n=1]]`;
}

/** Requests to the model that hold a text, and the job's own not. */
export function heardOf(bed: CronBed, text: string): readonly ModelRequest[] {
  return bed.model.requests.filter(
    ({ lastUserText }) => lastUserText.includes(text) && !lastUserText.includes("[[tool"),
  );
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
