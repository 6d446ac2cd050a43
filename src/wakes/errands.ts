/**
 * Runs a heartbeat on a session whose events would otherwise wait forever: events that were sent to it by name on
 * releases whose own wakes name no session (2026.2), and a command's end whose wake the release drops (flood guard,
 * not due, no heartbeat of the agent, an empty HEARTBEAT.md). Repeats it until the events have left their queue, as
 * 2026.9 does itself.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { SystemEventReason } from "../policy/counters.ts";
import { BoundedMap } from "../policy/bounded-map.ts";
import { FloodGuard } from "../policy/flood-guard.ts";
import { agentIdOf } from "../policy/cron-keys.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import type { AgentConfig, GatewayConfig } from "../gateway/types.ts";
import { isBusy, isDeleted } from "../heartbeats/release.ts";
import type { SentEvents, WokenSession } from "./redirect.ts";
import { MESSAGES } from "../messages.ts";

type Fn = (...args: never[]) => unknown;

/** What targeted heartbeats need of the process around them. */
export interface HeartbeatHost {
  config(): GatewayConfig;
  /** The release's own functions of a name, one for each copy of its module. */
  originals(name: string): readonly Fn[];
  /** The same as the release's callers see them. */
  replaced(name: string): readonly Fn[];
  /** The texts in a queue; undefined if the release cannot show them. */
  waiting(queue: string): readonly string[] | undefined;
  /** Whether a heartbeat is under way that may take events out of a session's queue. */
  heartbeatOn(queue: string): boolean;
  count(reason: SystemEventReason): void;
  warn(message: string): void;
}

/** Events that come together share a heartbeat, as in the releases. */
const COALESCE_MS = 250;
const BUSY_MS = 1_000;
/** How long the module leaves a followed event to the release's own heartbeat, which retries each second. */
const FIRST_GO_MS = 4_000;
const AGAIN_MS = 60_000;
/** After the first heartbeats that failed: 2026.6 fails while the session's entry changes. */
const FAILED_MS: readonly number[] = [2_000, 10_000];
const MAX_TRIES = 5;
/** How long a session may stay busy before the log says that its events still wait. */
const MAX_BUSY_MS = 15 * 60_000;
/** After that the module retries now and then: heartbeats may be on again. */
const NOW_AND_THEN_MS = 5 * 60_000;
const MAX_SESSIONS = 256;
/** A queue holds twenty. */
const MAX_EVENTS = 20;

interface Errand {
  readonly session: WokenSession;
  /** The events that wait for this heartbeat. */
  readonly events: SentEvents;
  /** A request named the session, which may be a new one. */
  named: boolean;
  /** More have come. */
  more: boolean;
  /** How long to wait before each try, so that the release goes first. */
  readonly firstGoMs: number;
  /** Ends a long pause. */
  wake: () => void;
}

type RunHeartbeat = (options: object) => Promise<unknown>;
type ResolveInterval = (config: GatewayConfig, every: undefined, heartbeat: object) => unknown;

const targeted = new AsyncLocalStorage<true>();

/** Whether the code that runs now belongs to a targeted heartbeat. */
export function inTargetedHeartbeat(): boolean {
  return targeted.getStore() === true;
}

export class TargetedHeartbeats {
  readonly #host: HeartbeatHost;
  readonly #errands = new Map<string, Errand>();
  readonly #flood = new FloodGuard();
  /** Events that heartbeats ran for and left: what gives them back later does not begin again. */
  readonly #left = new BoundedMap<string, ReadonlySet<string>>(MAX_SESSIONS);

  constructor(host: HeartbeatHost) {
    this.#host = host;
  }

  /** Makes a heartbeat of the session take events out of its queue, soon. */
  request(session: WokenSession, events: SentEvents): void {
    this.#send(session, events, 0);
  }

  /** The same, unless the release does it first. */
  follow(session: WokenSession, events: SentEvents): void {
    const left = this.#left.get(idOf(session));
    if (left && [...events.keys()].every((text) => left.has(text))) return;
    if (this.#host.waiting(session.sessionKey)) this.#send(session, events, FIRST_GO_MS);
  }

  #send(session: WokenSession, events: SentEvents, firstGoMs: number): void {
    // Agents may share a session, and the hours of one are not those of another.
    const id = idOf(session);
    const known = this.#errands.get(id);
    const named = firstGoMs === 0;
    if (known) {
      known.named ||= named;
      // Events that a heartbeat of this errand gave back are not new.
      if ([...events.keys()].every((text) => known.events.has(text))) return;
      for (const [text, options] of events) known.events.set(text, options);
      while (known.events.size > MAX_EVENTS) known.events.delete(known.events.keys().next().value!);
      known.more = true;
      known.wake();
      return;
    }
    if (this.#errands.size >= MAX_SESSIONS) {
      this.#unanswered(events.size, session, "too many sessions wait for one");
      return;
    }
    const errand: Errand = { session, events: new Map(events), named, more: false, firstGoMs, wake: () => {} };
    this.#errands.set(id, errand);
    void this.#serve(errand).catch(() => this.#host.count("error"));
  }

  async #serve(errand: Errand): Promise<void> {
    const { session } = errand;
    let result: { status?: unknown; reason?: unknown } = { reason: "flood" };
    let tries = 0;
    let since = performance.now();
    let told = false;
    try {
      await pause(COALESCE_MS + errand.firstGoMs);
      for (;;) {
        const taken = this.#forgetTaken(errand);
        if (errand.events.size === 0) return;
        if (taken || errand.more) {
          // Other events have come meanwhile: they get as many tries, and a warning of their own.
          errand.more = false;
          tries = 0;
          told = false;
          since = performance.now();
        }
        if (tries >= MAX_TRIES || performance.now() - since >= MAX_BUSY_MS) {
          if (!told) this.#unanswered(errand.events.size, session, reasonOf(result));
          told = true;
          // A heartbeat that runs and does not take them costs a model call each time.
          if (result.status === "ran") {
            this.#left.set(idOf(session), new Set(errand.events.keys()));
            return;
          }
          await this.#longPause(errand, NOW_AND_THEN_MS);
          tries = MAX_TRIES - 1;
          since = performance.now();
          continue;
        }
        const wait = this.#flood.waitMs(session.agentId, performance.now());
        if (wait > 0) {
          await pause(wait);
          continue;
        }
        if (this.#host.heartbeatOn(session.sessionKey)) {
          await pause(BUSY_MS);
          continue;
        }
        if (!errand.named && this.#deleted(session)) {
          // A heartbeat would bring the session back.
          if (!told) this.#unanswered(errand.events.size, session, "session deleted");
          return;
        }
        const startedAt = performance.now();
        this.#flood.started(session.agentId, startedAt);
        result = await this.#run(session);
        if (result.status === "skipped") this.#flood.cancelled(session.agentId, startedAt);
        if (isBusy(result)) {
          await pause(BUSY_MS + errand.firstGoMs);
          continue;
        }
        if (result.reason === QUIET_HOURS) {
          // Quiet hours end by themselves, and the operator chose them; hours that never end are a mistake.
          since = performance.now();
          if (this.#everActive(session)) await this.#longPause(errand, AGAIN_MS);
          else tries = MAX_TRIES;
          continue;
        }
        if (result.status === "ran" && !this.#host.waiting(session.sessionKey)) return;
        if (this.#forgetTaken(errand)) {
          errand.more = true;
          continue;
        }
        tries += 1;
        this.#host.count("wake-repeated");
        if (result.status === "ran") await pause(BUSY_MS);
        else if (tries < MAX_TRIES) {
          await this.#longPause(errand, (result.status === "failed" ? FAILED_MS[tries - 1] : undefined) ?? AGAIN_MS);
        }
      }
    } finally {
      this.#errands.delete(idOf(session));
    }
  }

  /** From 2026.3 on, active hours that end when they begin are empty; before, they mean all hours. */
  #everActive({ agentId }: WokenSession): boolean {
    const { activeHours } = this.#configured(agentId).heartbeat;
    const { start, end } = fieldsOrNone(activeHours);
    return start === undefined || start !== end;
  }

  #deleted(session: WokenSession): boolean {
    try {
      return isDeleted((name) => this.#host.originals(name), this.#options(session));
    } catch {
      this.#host.count("error");
      return false;
    }
  }

  async #run(session: WokenSession): Promise<{ status?: unknown; reason?: unknown }> {
    const run = this.#host.replaced("runHeartbeatOnce").at(-1) as RunHeartbeat | undefined;
    if (!run) return { status: "skipped", reason: "this release has no runHeartbeatOnce" };
    try {
      return ((await targeted.run(true, () => run(this.#options(session)))) ?? {}) as { status?: unknown };
    } catch {
      return { status: "failed" };
    }
  }

  /** A pause that ends early when more events come: the obstacle may be gone. */
  async #longPause(errand: Errand, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    errand.wake = resolve;
    await Promise.race([pause(ms), promise]);
    errand.wake = () => {};
    if (errand.more) await pause(errand.firstGoMs);
  }

  /** The arguments that the release's runner would pass, with the target instead of the agent's main session. */
  #options({ sessionKey, agentId }: WokenSession): object {
    const { config, entry, heartbeat: configured } = this.#configured(agentId);
    const { agents } = config;
    const interval = this.#host.originals("resolveHeartbeatIntervalMs").at(-1) as ResolveInterval | undefined;
    // An operator who turns the schedule off does not turn off events that are sent to a session on purpose; 2026.9
    // does the same.
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
    // Up to 2026.4 only this reason runs a heartbeat with an empty HEARTBEAT.md.
    const named = this.#host.originals("requestHeartbeat").length > 0;
    const why = named ? { source: "manual", intent: "immediate", reason: "wake" } : { reason: "exec-event" };
    return { cfg, agentId, heartbeat, ...(global ? {} : { sessionKey }), ...why };
  }

  /** The heartbeat of an agent as the configuration has it now. */
  #configured(agentId: string): {
    config: GatewayConfig;
    entry: AgentConfig | undefined;
    heartbeat: Readonly<Record<string, unknown>>;
  } {
    const config = this.#host.config();
    const entry = config.agents?.list?.find(({ id }) => id !== undefined && agentIdOf(id) === agentId);
    return { config, entry, heartbeat: { ...config.agents?.defaults?.heartbeat, ...entry?.heartbeat } };
  }

  /** An event that left the queue was taken by this heartbeat, or by a message that came first. */
  #forgetTaken({ session, events }: Errand): boolean {
    const waiting = this.#host.waiting(session.sessionKey);
    if (!waiting) return false;
    const taken = [...events.keys()].filter((text) => !waiting.includes(text));
    for (const text of taken) events.delete(text);
    return taken.length > 0;
  }

  #unanswered(events: number, { agentId }: WokenSession, reason: string): void {
    this.#host.count("wake-unanswered");
    this.#host.warn(MESSAGES.wakeUnanswered(agentId, events, reason));
  }
}

function idOf({ sessionKey, agentId }: WokenSession): string {
  return `${agentId} ${sessionKey}`;
}

/** The releases' wording. */
const QUIET_HOURS = "quiet-hours";

/** A failure's reason is an error text, which may quote anything; the release logs it itself. */
function reasonOf({ status, reason }: { status?: unknown; reason?: unknown }): string {
  return String((status !== "failed" && reason) || status);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
