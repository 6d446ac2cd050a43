/** What the release itself knows of its heartbeats, asked of its own functions. */
import { type Fields, fieldsOrNone } from "../policy/fields.ts";
import type { HeartbeatOptions } from "./attach.ts";
import type { HeartbeatRun } from "./run.ts";

type Fn = (...args: never[]) => unknown;

/** The release's own functions of a name, one for each copy of its module. */
export type Functions = (name: string) => readonly Fn[];

type Agents = (config: unknown) => { agentId: string; heartbeat?: unknown }[];
type Interval = (config: unknown, every: undefined, heartbeat: unknown) => unknown;
type Session = (...args: unknown[]) => { sessionKey?: unknown } | undefined;
type Enqueue = (text: string, options: Fields) => unknown;

/** From 2026.8 a user's message aborts a heartbeat without us, and an aborted one comes back after a minute. */
export function abortsHeartbeatsItself(functions: Functions): boolean {
  return functions("preemptAndDrainEmbeddedHeartbeatRun").length > 0;
}

/**
 * Which agents have heartbeats, and how often, for the log.
 *
 * @returns undefined where the release does not tell
 */
export function heartbeatIntervals(functions: Functions, config: unknown): string | undefined {
  const agents = functions("resolveHeartbeatAgents").at(-1) as Agents | undefined;
  const interval = functions("resolveHeartbeatIntervalMs").at(-1) as Interval | undefined;
  if (!agents || !interval) return undefined;
  const each = agents(config).flatMap(({ agentId, heartbeat }) => {
    const ms = interval(config, undefined, heartbeat);
    return typeof ms === "number" && ms > 0 ? [`${agentId} every ${Math.round(ms / 600) / 100} min`] : [];
  });
  const all = each.join(", ") || "none";
  return `heartbeats: ${all} (agents.defaults.heartbeat.every: "0" turns them off)`;
}

/** The session that a heartbeat runs on, as the release names it; `main` where it does not tell. */
export function heartbeatSession(functions: Functions, config: () => unknown, opts: HeartbeatOptions): unknown {
  const { cfg, agentId, heartbeat, sessionKey } = opts;
  const agent = typeof agentId === "string" ? agentId : undefined;
  const resolve = functions("resolveHeartbeatSession").at(-1) as Session | undefined;
  return resolve?.(cfg ?? config(), agent, heartbeat, sessionKey)?.sessionKey ?? sessionKey ?? "main";
}

/** Answers of `runHeartbeatOnce` after which the release itself asks again. */
const BUSY: ReadonlySet<unknown> = new Set([
  "requests-in-flight",
  "cron-in-progress",
  "lanes-busy",
  "active-run",
  "channel-not-ready",
  "preempted",
]);

/** Whether a heartbeat's answer says that it did not run now, and will be tried again. */
export function isBusy(result: unknown): boolean {
  const { status, reason } = fieldsOrNone(result);
  return status === "skipped" && BUSY.has(reason);
}

/** Puts back what an aborted heartbeat took out of the queues: its prompt was not answered. */
export function giveBackEvents(functions: Functions, run: HeartbeatRun): void {
  const enqueue = functions("enqueueSystemEvent") as readonly Enqueue[];
  for (const { sessionKey, event, copy } of run.taken) {
    const { text, contextKey, deliveryContext, trusted } = fieldsOrNone(event);
    if (typeof text !== "string") continue;
    const context = { contextKey, deliveryContext, trusted };
    const given = Object.entries(context).filter(([, value]) => value !== undefined && value !== null);
    (enqueue[copy] ?? enqueue.at(-1))?.(text, { sessionKey, ...Object.fromEntries(given) });
  }
}
