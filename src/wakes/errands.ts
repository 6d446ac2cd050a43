/**
 * Runs a heartbeat on a session that an event was sent to, on releases whose own wakes name no
 * session (2026.2) or are dropped (flood guard, agents without a heartbeat: 2026.5). It is run again
 * until a model has been asked with the event, as 2026.9 does by itself.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { SystemEventReason } from "../policy/counters.ts";
import { FloodGuard } from "../policy/flood-guard.ts";
import { agentIdOf } from "../policy/cron-keys.ts";
import type { AgentConfig, GatewayConfig } from "../gateway/types.ts";
import { isBusy } from "../heartbeats/release.ts";
import type { SentEvents, WokenSession } from "./redirect.ts";
import { watchAgentEvents } from "../heartbeats/user-runs.ts";

type Fn = (...args: never[]) => unknown;

/** What targeted heartbeats need of the process around them. */
export interface HeartbeatHost {
  config(): GatewayConfig;
  /** The release's own functions of a name, one for each copy of its module. */
  originals(name: string): readonly Fn[];
  /** The same as the release's callers see them. */
  replaced(name: string): readonly Fn[];
  /** What waits in a queue; undefined where the release does not let us look. */
  waiting(queue: string): readonly string[] | undefined;
  count(reason: SystemEventReason): void;
  warn(message: string): void;
}

/** Events that come together share a heartbeat. As the releases. */
const COALESCE_MS = 250;
const BUSY_MS = 1_000;
const AGAIN_MS = 60_000;
const MAX_TRIES = 5;
/** How long a session may stay busy before the log says that its events still wait. */
const MAX_BUSY_MS = 15 * 60_000;
const MAX_SESSIONS = 256;
/** A queue holds twenty. */
const MAX_EVENTS = 20;

interface Errand {
  readonly session: WokenSession;
  /** The events that wait for this heartbeat. */
  readonly events: SentEvents;
}

type RunHeartbeat = (options: object) => Promise<unknown>;
type ResolveInterval = (config: GatewayConfig, every: undefined, heartbeat: object) => unknown;

/** The heartbeat that runs now; `asked` once its model run has started. */
const current = new AsyncLocalStorage<{ asked: boolean }>();

/** Whether the code that runs now belongs to a targeted heartbeat. */
export function inTargetedHeartbeat(): boolean {
  return current.getStore() !== undefined;
}

export class TargetedHeartbeats {
  readonly #host: HeartbeatHost;
  readonly #errands = new Map<string, Errand>();
  readonly #flood = new FloodGuard();
  readonly #watched = new Set<Fn>();

  constructor(host: HeartbeatHost) {
    this.#host = host;
  }

  /** Has a heartbeat of the session take events out of its queue, soon. */
  request(session: WokenSession, events: SentEvents): void {
    const known = this.#errands.get(session.sessionKey);
    if (known) {
      for (const [text, options] of events) known.events.set(text, options);
      while (known.events.size > MAX_EVENTS) known.events.delete(known.events.keys().next().value!);
      return;
    }
    if (this.#errands.size >= MAX_SESSIONS) {
      this.#unanswered(events.size, session, "too many sessions wait for one");
      return;
    }
    const errand: Errand = { session, events };
    this.#errands.set(session.sessionKey, errand);
    void this.#serve(errand).catch(() => this.#host.count("error"));
  }

  async #serve(errand: Errand): Promise<void> {
    const { session } = errand;
    let reason: unknown;
    let tries = 0;
    let since = performance.now();
    try {
      await pause(COALESCE_MS);
      while (tries < MAX_TRIES && performance.now() - since < MAX_BUSY_MS) {
        this.#forgetTaken(errand);
        if (errand.events.size === 0) return;
        const wait = this.#flood.waitMs(session.agentId, performance.now());
        if (wait > 0) {
          await pause(wait);
          continue;
        }
        const startedAt = performance.now();
        this.#flood.started(session.agentId, startedAt);
        const result = await this.#run(errand);
        if (isBusy(result)) {
          this.#flood.cancelled(session.agentId, startedAt);
          reason = result.reason;
          await pause(BUSY_MS);
          continue;
        }
        if (result.status === "ran" && !this.#host.waiting(session.sessionKey)) return;
        if (this.#forgetTaken(errand)) {
          // Others may have come meanwhile: they only wait for the next round.
          tries = 0;
          since = performance.now();
          continue;
        }
        tries += 1;
        // A failure's reason is an error text, which may quote anything; the release logs it itself.
        reason = (result.status !== "failed" && result.reason) || result.status;
        this.#host.count("wake-repeated");
        await pause(result.status === "ran" ? BUSY_MS : AGAIN_MS);
      }
      this.#unanswered(errand.events.size, session, String(reason ?? "flood"));
    } finally {
      this.#errands.delete(session.sessionKey);
    }
  }

  async #run({ session, events }: Errand): Promise<{ status?: unknown; reason?: unknown }> {
    const run = this.#host.replaced("runHeartbeatOnce").at(-1) as RunHeartbeat | undefined;
    if (!run) return { status: "skipped", reason: "this release has no runHeartbeatOnce" };
    this.#watchRuns();
    const store = { asked: false };
    const sent = new Map(events);
    const result = (await current
      .run(store, () => run(this.#options(session)))
      .catch(() => ({ status: "failed" }))) as { status?: unknown };
    // 2026.5 may repeat an undelivered reply in place of asking the model, and drops the events.
    const over = result?.status === "ran" || result?.status === "failed";
    if (over && !store.asked && this.#watched.size > 0) this.#giveBack(session, sent);
    return result ?? {};
  }

  /** What the release's runner would pass, with the target in the place of the agent's main session. */
  #options({ sessionKey, agentId }: WokenSession): object {
    const config = this.#host.config();
    const { agents } = config;
    const entry = agents?.list?.find(({ id }) => id !== undefined && agentIdOf(id) === agentId);
    const configured = { ...agents?.defaults?.heartbeat, ...entry?.heartbeat };
    const interval = this.#host.originals("resolveHeartbeatIntervalMs").at(-1) as ResolveInterval | undefined;
    // Who turned the schedule off did not turn off what is sent to a session on purpose; 2026.9 agrees.
    const every = interval && !interval(config, undefined, configured) ? { every: "30m" } : {};
    const heartbeat = { ...configured, ...every, session: sessionKey, isolatedSession: false };
    const list = agents?.list?.map((each): AgentConfig => (each === entry ? { ...each, heartbeat } : each));
    const global = sessionKey === "global";
    const cfg: GatewayConfig = {
      ...config,
      ...(list ? { agents: { ...agents, list } } : {}),
      // Under scope global heartbeats know no session but the global one.
      ...(global || config.session?.scope !== "global"
        ? {}
        : { session: { ...config.session, scope: "per-sender" as const } }),
    };
    // Up to 2026.4 only this reason passes an empty HEARTBEAT.md.
    const named = this.#host.originals("requestHeartbeat").length > 0;
    const why = named ? { source: "manual", intent: "immediate", reason: "wake" } : { reason: "exec-event" };
    return { cfg, agentId, heartbeat, ...(global ? {} : { sessionKey }), ...why };
  }

  #watchRuns(): void {
    for (const onAgentEvent of this.#host.originals("onAgentEvent")) {
      if (this.#watched.has(onAgentEvent)) continue;
      this.#watched.add(onAgentEvent);
      watchAgentEvents(onAgentEvent, () => {
        const store = current.getStore();
        if (store) store.asked = true;
      });
    }
  }

  #giveBack({ sessionKey }: WokenSession, sent: SentEvents): void {
    const waiting = this.#host.waiting(sessionKey);
    const enqueue = this.#host.replaced("enqueueSystemEvent").at(-1) as ((...args: unknown[]) => unknown) | undefined;
    if (!waiting || !enqueue) return;
    for (const [text, options] of sent) if (!waiting.includes(text)) enqueue(text, options);
  }

  /** What left the queue was taken by this heartbeat, or by a message that came first. */
  #forgetTaken({ session, events }: Errand): boolean {
    const waiting = this.#host.waiting(session.sessionKey);
    if (!waiting) return false;
    const taken = [...events.keys()].filter((text) => !waiting.includes(text));
    for (const text of taken) events.delete(text);
    return taken.length > 0;
  }

  #unanswered(events: number, { agentId }: WokenSession, reason: string): void {
    this.#host.count("wake-unanswered");
    this.#host.warn(
      `no heartbeat of agent ${agentId} took ${events} event(s) that were sent to one of its sessions (${reason}); they wait for its next message`,
    );
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
