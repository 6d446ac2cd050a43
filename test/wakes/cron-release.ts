/** A release's queues and wakes, for the tests of what the module does to them. */
import { cronEventReplacements } from "../../src/wakes/attach.ts";
import type { SessionScope } from "../../src/policy/cron-keys.ts";

export const RUN = "agent:main:cron:job:run:1";
export const MAIN = "agent:main:main";

export type Fn = (...args: never[]) => unknown;
export type Options = Record<string, unknown>;

export interface Setting {
  readonly enabled?: boolean;
  readonly session?: { mainKey?: string; scope?: SessionScope };
  /** Functions of the release other than its queues. */
  readonly has?: readonly string[];
  /** The queue of a session's messages and heartbeats, if it is not the one of its key. */
  readonly drained?: (key: string) => string | undefined;
}

/** Queues of twenty, as every release has them, behind the functions of one release. */
export function release({ enabled = true, session = {}, has = [], drained = (key) => key }: Setting = {}) {
  const queues = new Map<string, string[]>();
  const wakes: Options[] = [];
  const counts: Record<string, number> = {};
  const warnings: string[] = [];
  const followed: { sessionKey: string; agentId: string; texts: string[] }[] = [];
  const beat = { on: false };
  const originals: Record<string, Fn> = {
    enqueueSystemEvent: (text: string, { sessionKey }: { sessionKey: string }) => {
      const queue = queues.get(sessionKey) ?? [];
      queues.set(sessionKey, [...queue, text].slice(-20));
      return true;
    },
    peekSystemEvents: (key: string) => queues.get(key) ?? [],
    requestHeartbeat: (wake: Options) => wakes.push(wake),
    ...Object.fromEntries(has.map((name) => [name, () => undefined])),
  };
  const replacements = cronEventReplacements({
    enabled: () => enabled,
    session: () => session,
    originals: (name) => (originals[name] ? [originals[name]] : []),
    count: (reason) => (counts[reason] = (counts[reason] ?? 0) + 1),
    warn: (message) => warnings.push(message),
    defaultAgent: () => "main",
    drained,
    follow: (where, events) => followed.push({ ...where, texts: [...events.keys()] }),
    heartbeatOn: () => beat.on,
  });
  const replaced = (name: string) => replacements[name]!(originals[name]!) as (...args: unknown[]) => unknown;
  return {
    queues,
    wakes,
    counts,
    warnings,
    followed,
    beat,
    originals,
    replacements,
    enqueue: replaced("enqueueSystemEvent"),
    request: replaced("requestHeartbeat"),
  };
}
