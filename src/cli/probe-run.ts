/** Probes one gateway, from the first connection to the clean-up. */
import type { Conduct } from "../report/judge.ts";
import { observe } from "../report/observe.ts";
import type { GatewayReport } from "../report/shape.ts";
import { Listeners } from "./probe-connection.ts";
import { exchange, isolationStatus, passive, removeSessions } from "./probe-exchange.ts";
import { judge } from "../report/judge.ts";

export interface ProbeOptions {
  readonly url: string;
  readonly token?: string | undefined;
  readonly tlsFingerprint?: string | undefined;
  /** Whether it may start runs; otherwise it only listens. */
  readonly allowRuns: boolean;
  /** Whether it may also add a cron job and run it once. */
  readonly allowCron?: boolean;
  readonly agent: string;
  readonly message: string;
  readonly runTimeoutMs: number;
  /** How long to listen without runs. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

/**
 * Determines which connection of a gateway gets whose frames.
 *
 * @throws {Failure} with one line that explains why the test failed
 */
export async function probeGateway(options: ProbeOptions): Promise<GatewayReport> {
  const { url, token, tlsFingerprint, agent, allowRuns, progress, seconds } = options;
  const listeners = new Listeners({ url, token, tlsFingerprint });
  // Ends all waits when one part fails.
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const created: string[] = [];
  const conduct = async () => {
    try {
      await listeners.settle();
      if (!allowRuns) progress(`listening for ${seconds} s; no run is started`);
      return await (allowRuns
        ? exchange(listeners, { allowCron: false, ...options, signal, created: (key) => created.push(key) })
        : passive(listeners, { agent, seconds, signal }));
    } finally {
      failed.abort();
    }
  };
  try {
    const { sessions, listeners: connections, conduct: done } = await conduct();
    const { server, features } = connections[0]!.hello;
    const status = await isolationStatus(listeners, features.methods);
    const observation = observe(
      sessions,
      connections.map((connection) => connection.witness()),
    );
    if (created.length > 0) progress("removing the sessions");
    const leftBehind = await removeSessions(listeners, created.splice(0), hasRunning(done));
    return {
      label: url,
      release: releaseOf(server.version, status),
      mode: done.mode,
      durationMs: listeners.now(),
      ...judge(observation, done),
      ...observation,
      ...(status === undefined ? {} : { status }),
      leftBehind: done.cron?.leftBehind === undefined ? leftBehind : [...leftBehind, done.cron.leftBehind],
    };
  } finally {
    // If sessions are left here, something has failed before.
    for (const what of await removeSessions(listeners, created, true)) progress(`left behind: ${what}`);
    await listeners.closeAll();
  }
}

/** Whether a run has started whose end was not seen. */
function hasRunning({ runs, interrupted }: Conduct): boolean {
  return interrupted || runs.some(({ end }) => end === "missing");
}

/** Old releases call themselves "dev"; the module knows the release. */
function releaseOf(told: string, status: unknown): string {
  const { release } = (status ?? {}) as { release?: unknown };
  if (typeof release === "string") return release;
  return told === "dev" ? "(release unknown)" : told;
}
