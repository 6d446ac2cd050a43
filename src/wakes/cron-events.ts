/**
 * Puts events of runs that nobody comes back to into the queue of their agent's main session, whichever function
 * enqueues them. Follows events that report the end of a command until a model has seen them.
 */
import { EventQueues, type QueuedEvent } from "../gateway/event-queues.ts";
import type { SystemEventReason } from "../policy/counters.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import { parseAgentSessionKey } from "../policy/session-key.ts";
import {
  agentIdOf,
  isCronJobSessionKey,
  isCronRunSessionKey,
  isExecCompletionEvent,
  isHookSessionKey,
  mainSessionKey,
  type SessionScope,
} from "../policy/cron-keys.ts";
import { Overflow } from "./overflow.ts";
import { currentRedirect, type SentEvents, type WokenSession } from "./redirect.ts";
import { MESSAGES } from "../messages.ts";

/** All of the release's enqueue functions have these parameters; options hold `sessionKey` and more. */
export type EnqueueSystemEvent = (text: unknown, options: unknown, ...rest: unknown[]) => unknown;

/** What the remapping needs of the process around it. */
export interface RemapHost {
  /** Setting `cron.remap`. */
  enabled(): boolean;
  /** `session` of the gateway's configuration. May throw. */
  session(): { readonly mainKey?: string; readonly scope?: SessionScope };
  /** The originals of one of the release's functions: some releases ship several copies. */
  originals(name: string): readonly ((...args: never[]) => unknown)[];
  count(reason: SystemEventReason): void;
  warn(message: string): void;
  /** The agent of a session whose key names none. May throw. */
  defaultAgent(): string;
  /** The queue from which a session's messages and heartbeats take events; undefined if none do. May throw. */
  drained(sessionKey: string): string | undefined;
  /** Makes sure that the events in a session's queue reach a model. */
  follow(session: WokenSession, events: SentEvents): void;
  /** Whether a heartbeat is under way that may take events out of a session's queue. */
  heartbeatOn(queue: string): boolean;
  /** Gets a wake function that is not a declaration, as the release's callers see it: from 2026.8 on. */
  made?(name: string, request: (...args: never[]) => unknown): void;
}

/** One gateway process's system events. */
export class SystemEvents {
  readonly #host: RemapHost;
  readonly #queues: EventQueues;
  readonly #overflow: Overflow;
  #enqueuing = false;
  #warned = false;
  #warnedOfKeys = false;

  constructor(host: RemapHost) {
    this.#host = host;
    this.#queues = new EventQueues((name) => host.originals(name));
    this.#overflow = new Overflow({
      length: (queue) => Math.max(0, ...this.#peek(queue).map((events) => events.length)),
      heartbeatOn: (queue) => host.heartbeatOn(queue),
      dropped: (held) => this.#dropped(held),
      failed: () => host.count("error"),
    });
  }

  /**
   * Wraps one of the release's enqueue functions; in 2026.8 on they call each other.
   *
   * @param mayHold whether callers do without the event that the function makes, so that it may be made later
   */
  wrap(original: EnqueueSystemEvent, mayHold = false): EnqueueSystemEvent {
    return (text, options, ...rest) => {
      const routed = this.#routed(text, options);
      if (this.#enqueuing) return original(text, routed, ...rest);
      const put = (): unknown => {
        this.#enqueuing = true;
        const heads = this.#heads(routed);
        try {
          return original(text, routed, ...rest);
        } finally {
          this.#enqueuing = false;
          this.#noteDropped(heads, routed);
          this.#follow(text, options, routed);
        }
      };
      return mayHold && routed !== options && this.#holds(keyOf(routed) as string, put) ? true : put();
    };
  }

  /**
   * Whether this release leaves events of this key in a queue that nobody drains.
   *
   * From 2026.5 on, where wakes name a session, two kinds of keys are sessions that their own heartbeat drains:
   * `agent:<id>:cron:<job>`, and the key of a webhook's run. Events that were sent to the latter on purpose stay
   * there.
   *
   * @param completion whether the event, or the wake's event, reports the end of a command
   */
  strands(sessionKey: unknown, completion: boolean): sessionKey is string {
    if (!this.#host.enabled()) return false;
    if (isHookSessionKey(sessionKey)) return completion && !this.#targetsWakes();
    if (!isCronRunSessionKey(sessionKey)) return false;
    return !isCronJobSessionKey(sessionKey) || !this.#targetsWakes();
  }

  /** The session, as the release names its queue, that takes the events of a stranding key. */
  drainedBy(sessionKey: string): WokenSession {
    const { mainKey, scope } = this.#host.session();
    const agentId = agentIdOf(parseAgentSessionKey(sessionKey)?.agentId ?? "main");
    const key = mainSessionKey(agentId, mainKey, scope);
    // 2026.8 on: an agent's global session has a queue of its own, and an unqualified key throws.
    const ownGlobal = key === "global" && this.#host.originals("enqueueOwnedSystemEventEntry").length > 0;
    return { sessionKey: ownGlobal ? `agent:${agentId}:global` : key, agentId };
  }

  /** Texts that wait in a queue; empty where the release does not let us look. */
  waiting(queue: string): readonly string[] {
    try {
      return this.#queues.waiting(queue) ?? [];
    } catch {
      return []; // a key that the release refuses
    }
  }

  #targetsWakes(): boolean {
    const names = ["requestHeartbeat", "enqueueHeartbeatRequest", "createSessionEventWakeRuntime"];
    return names.some((name) => this.#host.originals(name).length > 0);
  }

  #routed(text: unknown, options: unknown): unknown {
    try {
      const queue = currentRedirect()?.session ? undefined : this.#queueFor(text, keyOf(options));
      if (queue === undefined) return options;
      const routed = { ...(options as object), sessionKey: queue };
      this.#host.count("remapped");
      return routed;
    } catch {
      this.#host.count("error");
      return options;
    }
  }

  /** Where an event goes instead of its own queue. */
  #queueFor(text: unknown, sessionKey: unknown): string | undefined {
    const completion = isCompletion(text);
    if (this.strands(sessionKey, completion)) return this.drainedBy(sessionKey).sessionKey;
    if (!completion || typeof sessionKey !== "string" || !this.#host.enabled()) return undefined;
    const drained = this.#host.drained(sessionKey);
    return drained === sessionKey.trim() ? undefined : drained;
  }

  /** From 2026.8 on the release leaves only few events to the module, and wakes nobody for one that comes later. */
  #holds(queue: string, put: () => void): boolean {
    try {
      if (this.#host.originals("enqueueOwnedSystemEventEntry").length > 0) return false;
      return this.#overflow.holds(queue, put);
    } catch {
      this.#host.count("error");
      return false;
    }
  }

  /** The end of a command is reported once: its user must not wait for a heartbeat that never comes. */
  #follow(text: unknown, raised: unknown, routed: unknown): void {
    try {
      if (!isCompletion(text) || !this.#host.enabled() || currentRedirect()?.session) return;
      const queue = keyOf(routed);
      if (typeof queue !== "string") return;
      if (!this.#isDrained(queue)) return this.#undrained();
      const agentId = (parseAgentSessionKey(String(keyOf(raised))) ?? parseAgentSessionKey(queue))?.agentId;
      if (agentId === undefined && queue !== "global") return;
      const session = { sessionKey: queue, agentId: agentIdOf(agentId ?? this.#host.defaultAgent()) };
      this.#host.follow(session, new Map([[text.trim(), routed as object]]));
    } catch {
      this.#host.count("error");
    }
  }

  /** Also where the configuration cannot be read. */
  #isDrained(queue: string): boolean {
    try {
      return this.#host.drained(queue) !== undefined;
    } catch {
      this.#host.count("error");
      return true;
    }
  }

  /** Nothing takes the event, and a heartbeat would run on another session. */
  #undrained(): void {
    this.#host.count("wake-unanswered");
    if (this.#warnedOfKeys) return;
    this.#warnedOfKeys = true;
    this.#host.warn(MESSAGES.queueUndrained);
  }

  /** What waits in the queues of an event's session, one for each copy of the module. */
  #heads(options: unknown): readonly (readonly QueuedEvent[])[] {
    const sessionKey = keyOf(options);
    return typeof sessionKey === "string" ? this.#peek(sessionKey) : [];
  }

  #peek(queue: string): readonly (readonly QueuedEvent[])[] {
    try {
      return this.#queues.of(queue);
    } catch {
      return []; // a key that the release refuses
    }
  }

  /** Upstream's queues are short, and it drops events from them silently. */
  #noteDropped(before: readonly (readonly QueuedEvent[])[], options: unknown): void {
    try {
      const after = this.#heads(options);
      const lost = before.some((events, copy) => fellOff(events, after[copy] ?? [], options));
      if (lost) this.#dropped(before[0]!.length);
    } catch {
      this.#host.count("error");
    }
  }

  #dropped(events: number): void {
    this.#host.count("queue-overflow");
    if (this.#warned) return;
    this.#warned = true;
    this.#host.warn(MESSAGES.queueFull(events));
  }
}

/** Whether the oldest event was dropped: same length, and another head that was not replaced on purpose. */
function fellOff(before: readonly QueuedEvent[], after: readonly QueuedEvent[], options: unknown): boolean {
  const [first] = before;
  if (!first || before.length !== after.length || identity(first) === identity(after[0]!)) return false;
  const { replace, contextKey } = options as { replace?: unknown; contextKey?: unknown };
  return !(replace === true && first.contextKey === String(contextKey).trim().toLowerCase());
}

function identity({ id, ts, text }: QueuedEvent): string {
  return id === undefined ? `${String(ts)}\n${String(text)}` : String(id);
}

function isCompletion(text: unknown): text is string {
  return typeof text === "string" && isExecCompletionEvent(text);
}

function keyOf(options: unknown): unknown {
  return fieldsOrNone(options)["sessionKey"];
}
