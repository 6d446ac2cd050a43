/**
 * Wakes and system events that name a session. Older releases refuse or ignore the key; newer ones queue the event
 * and may wake nobody. The module checks the key, lets the release do the rest, and wakes the session.
 */
import type { SystemEventReason } from "../policy/counters.ts";
import {
  type HookConfig,
  hookKeyRefusal,
  type HookKeySource,
  hookSessionRefusal,
  type HookSettings,
} from "../policy/hook-target.ts";
import { canonicalizeWakeSessionKey, given, type WakeRequest, type WakeTarget } from "../policy/wake-target.ts";
import { agentIdOf, isCronRunSessionKey, type SessionScope } from "../policy/cron-keys.ts";
import type { Passage, Step } from "../delivery/requests.ts";
import { EventQueues } from "../gateway/event-queues.ts";
import type { GatewayConfig, GatewayError } from "../gateway/types.ts";
import { type Fields, fieldsOrNone } from "../policy/fields.ts";
import { parseAgentSessionKey } from "../policy/session-key.ts";
import { type Redirect, redirected, type SentEvents, type WokenSession } from "./redirect.ts";
import { defaultAgentOf, type KeyFunctions } from "../gateway/session-keys.ts";
import { drainedQueue } from "./drained-queue.ts";
import { TargetedHeartbeats } from "./errands.ts";
import { MESSAGES } from "../messages.ts";

type Fn = (...args: never[]) => unknown;

/** What targeted wakes need of the process around them. */
export interface TargetHost {
  /** The gateway's configuration as it is now. May throw. */
  config(): GatewayConfig;
  /** The gateway's own canonical form of a key. May throw. */
  canonical(key: unknown, agentId: string): string | undefined;
  /** The release's own functions of a name, one for each copy of its module. */
  originals(name: string): readonly Fn[];
  /** The same as the release's callers see them. */
  replaced(name: string): readonly Fn[];
  hooks(): HookSettings;
  /** Whether a heartbeat is under way that may take events out of a session's queue. */
  heartbeatOn(queue: string): boolean;
  count(reason: SystemEventReason): void;
  warn(message: string): void;
}

/** A valid target: as the request wrote it, and as the release's queues name it. */
export interface Target extends WokenSession {
  readonly ok: true;
  readonly written: string;
  /** The same with the agent's id as the release has it in its keys. */
  readonly key: string;
  /** `session.scope` of the gateway's configuration. */
  readonly scope: SessionScope | undefined;
}

export type Resolved = Target | Extract<WakeTarget, { ok: false }>;

/** The functions by which a release keeps a wake that it cannot serve now, and how to ask for one. */
const NATIVE_WAKES = [
  { seam: "createSessionEventWakeRuntime", request: "requestSessionEventWake" },
  { seam: "enqueueHeartbeatRequest", request: "enqueueHeartbeatRequest" },
] as const;

const METHODS: ReadonlySet<string> = new Set(["wake", "system-event"]);
/** Answers to an empty request: a client that gets one of them is allowed to ask. */
const BAD_REQUEST = /^(?:invalid (?:wake|system-event) params|text required)/;
/** A line about a node's presence is not an event for a model, as on 2026.9. */
function isPresence(text: unknown): boolean {
  // `String` can throw for a value that is not a string: an object with its own `toString`, an array nested too deep.
  return typeof text === "string" && /^\s*Node:/.test(text);
}

export class TargetedWakes {
  readonly #host: TargetHost;
  readonly #heartbeats: TargetedHeartbeats;

  constructor(host: TargetHost) {
    this.#host = host;
    const queues = new EventQueues((name) => host.originals(name));
    this.#heartbeats = new TargetedHeartbeats({
      config: () => host.config(),
      originals: (name) => host.originals(name),
      replaced: (name) => host.replaced(name),
      waiting: (queue) => queues.waiting(queue),
      heartbeatOn: (queue) => host.heartbeatOn(queue),
      count: (reason) => host.count(reason),
      warn: (message) => host.warn(message),
    });
  }

  /** From 2026.8 on requests may name a session, and the release keeps a wake that it cannot serve now. */
  get native(): boolean {
    return NATIVE_WAKES.some(({ seam }) => this.#host.originals(seam).length > 0);
  }

  /**
   * Step `wakes`: a wake or a system event that names a session, or an agent, goes there, or gets an error with the
   * reason. A release that supports targets finds the agent of a wake itself. A request that names neither is left to
   * the release.
   */
  readonly step: Step = ({ method, params }): Passage | undefined => {
    const { text } = params;
    const [sessionKey, agentId] = [given(params["sessionKey"]), given(params["agentId"])];
    const untargeted = agentId === undefined || (method === "wake" && this.native);
    if (!METHODS.has(method) || (sessionKey === undefined && untargeted)) return undefined;
    const target =
      typeof text === "string" && text.trim() === ""
        ? refusal(MESSAGES.textRequired)
        : this.resolve({ sessionKey, ...(agentId === undefined ? {} : { agentId }) });
    if (!target.ok) return refused(target.error);
    return this.native ? this.#natively(method, params, target) : this.#redirected(params, target);
  };

  /** The session that a request means, or why it means none. Counts what it refuses. */
  resolve(request: WakeRequest): Resolved {
    try {
      const config = this.#host.config();
      const agentIds = this.#agentIds(config);
      const defaultAgentId = this.defaultAgent();
      const found = canonicalizeWakeSessionKey(request, { ...config.session, agentIds, defaultAgentId });
      if (!found.ok) return this.#refused(found);
      if (this.native && config.session?.scope === "global" && found.sessionKey !== "global") {
        return this.#refused(refusal(MESSAGES.globalSessionOnly));
      }
      const alone = request.sessionKey === undefined;
      if (alone && !this.native && found.sessionKey === "global" && found.agentId !== agentIdOf(defaultAgentId)) {
        return this.#refused(refusal(MESSAGES.defaultAgentOnly));
      }
      const written = alone ? found.sessionKey : String(request.sessionKey).trim();
      const parsed = parseAgentSessionKey(written);
      const key = parsed && parsed.agentId !== found.agentId ? `agent:${found.agentId}:${parsed.rest}` : written;
      // The release's own form, which knows the keys in which letter case matters.
      const own = isCronRunSessionKey(written) ? found.sessionKey : this.#host.canonical(key, found.agentId);
      return {
        ok: true,
        written,
        key,
        sessionKey: own ?? found.sessionKey,
        agentId: found.agentId,
        scope: config.session?.scope,
      };
    } catch {
      this.#host.count("error");
      return refusal(MESSAGES.sessionKeyUnchecked);
    }
  }

  /** The same for a webhook, which needs permission to name the session. */
  resolveHook(request: WakeRequest, source: HookKeySource): Resolved {
    try {
      const settings = this.#host.hooks();
      const rules = this.#hookRules();
      const disabled = hookKeyRefusal(source, rules, settings);
      if (disabled !== undefined) return this.#refused(refusal(disabled));
      const target = this.resolve(request);
      if (!target.ok) return target;
      const why = hookSessionRefusal(target, source, rules, settings);
      return why === undefined ? target : this.#refused(refusal(why));
    } catch {
      this.#host.count("error");
      return refusal(MESSAGES.hookKeyUnchecked);
    }
  }

  #hookRules(): HookConfig {
    try {
      return this.#host.config().hooks ?? {};
    } catch {
      return { allowRequestSessionKey: false };
    }
  }

  /** Has the session take events out of its queue. */
  wake({ session, events }: Redirect): void {
    if (!session || events.size === 0) return;
    this.#host.count("targeted");
    this.#heartbeats.request(session, events);
  }

  /** Makes sure that the events in a session's queue reach a model, on releases that may lose their wake. */
  follow(session: WokenSession, events: SentEvents): void {
    // A sub-agent has no heartbeat: its requester asks for its result.
    if (this.native || /:subagent:/i.test(session.sessionKey)) return;
    this.#heartbeats.follow(session, events);
  }

  /** The queue from which a session's messages and heartbeats take events; undefined if none do. May throw. */
  drained(sessionKey: string): string | undefined {
    return drainedQueue(sessionKey.trim(), this.defaultAgent(), this.#host);
  }

  /** The agent of keys that name none. May throw. */
  defaultAgent(): string {
    const storeKey = this.#host.originals("resolveSessionStoreKey").at(-1) as KeyFunctions["storeKey"];
    return defaultAgentOf(this.#host.config(), storeKey);
  }

  /** The release supports targets, but only queues a `system-event`. */
  #natively(method: string, params: Fields, target: Target): Passage {
    const key = this.#keyFor(target);
    const queued = method === "system-event" && params["wake"] !== true && !isPresence(params["text"]);
    // The release's `system-event` has no agent parameter: the key names the agent.
    const { agentId, ...agentless } = params;
    const named = method === "system-event" || given(agentId) === undefined ? {} : { agentId: target.agentId };
    this.#host.count("targeted");
    return {
      params: { ...agentless, ...named, sessionKey: key },
      answering: (answer) => {
        if (answer.ok && queued) this.#wakeNatively(key, target.agentId);
        return answer;
      },
    };
  }

  #wakeNatively(sessionKey: string, agentId: string): void {
    try {
      const [request] = NATIVE_WAKES.flatMap((wake) => this.#host.replaced(wake.request)) as ((wake: object) => void)[];
      request?.({ source: "manual", intent: "immediate", reason: "wake", agentId, sessionKey });
    } catch {
      this.#host.count("error");
    }
  }

  /** Qualifies raw keys; under scope global the release has its own rules. */
  #keyFor({ key, sessionKey, scope }: Target): string {
    return scope === "global" || isCronRunSessionKey(key) ? key : sessionKey;
  }

  #redirected({ sessionKey: _key, agentId: _agent, ...params }: Fields, session: Target): Passage {
    const redirect: Redirect = { session, events: new Map(), open: true };
    return {
      params,
      around: (handle) => redirected(redirect, handle),
      ended: () => {
        if (!isPresence(params["text"])) this.wake(redirect);
      },
    };
  }

  #refused<T>(error: T): T {
    this.#host.count("target-refused");
    return error;
  }

  /** As the release names its agents, and as its configuration writes them. */
  #agentIds(config: GatewayConfig): readonly string[] {
    const list = this.#host.originals("listAgentIds").at(-1) as ((config: GatewayConfig) => unknown) | undefined;
    const written = config.agents?.list?.map((each) => fieldsOrNone(each)["id"]) ?? [];
    const ids = [...((list?.(config) ?? []) as unknown[]), ...written];
    const named = ids.filter((id): id is string => typeof id === "string");
    return named.length > 0 ? named : ["main"];
  }
}

function refusal(message: string): Extract<WakeTarget, { ok: false }> {
  return { ok: false, error: { code: "INVALID_REQUEST", message } };
}

/**
 * An error instead of the answer, but only for a client that may ask at all: the release first gets an empty request,
 * which changes nothing, and its own refusal takes precedence.
 */
function refused(error: GatewayError): Passage {
  return {
    params: {},
    answering: (answer) =>
      answer.ok || BAD_REQUEST.test(String(answer.error?.message)) ? { ok: false, error } : answer,
  };
}
