/** Sends the wake of a cron run's event to the session in whose queue the event now is. */
import type { RemapHost, SystemEvents } from "./cron-events.ts";
import type { WokenSession } from "./redirect.ts";

/** Any one of the seam `wake-requests`, or `requestSessionEventWake` of what `createSessionEventWakeRuntime` makes. */
export type RequestWake = (options?: unknown, ...rest: unknown[]) => unknown;

interface WakeOptions {
  readonly sessionKey?: unknown;
  readonly intent?: unknown;
  readonly agentId?: unknown;
  readonly reason?: unknown;
}

/** One gateway process's wake requests. */
export class WakeTargets {
  readonly #host: RemapHost;
  readonly #events: SystemEvents;

  constructor(host: RemapHost, events: SystemEvents) {
    this.#host = host;
    this.#events = events;
  }

  /** Wraps the release's wake request function, `requestHeartbeatNow` or `requestHeartbeat`. */
  wrap(original: RequestWake): RequestWake {
    return (options, ...rest) => {
      const routed = this.#routed(options);
      if (!routed) return original(options, ...rest);
      // An event's own wake is dropped while the next heartbeat is not due: 2026.5, 2026.6.
      const wake = routed.wake.intent === "event" ? { ...routed.wake, intent: "immediate" } : routed.wake;
      // The release's flood guard drops wakes too.
      this.#follow(routed.session);
      return original(wake, ...rest);
    };
  }

  /** Wraps the wake request function of a release that loses no event's wake itself: `enqueueHeartbeatRequest`. */
  reroute(original: RequestWake): RequestWake {
    return (options, ...rest) => original(this.#routed(options)?.wake ?? options, ...rest);
  }

  /** Wraps the wake functions that `createSessionEventWakeRuntime` makes. They lose no event's wake themselves. */
  wrapRuntime(create: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      const runtime = create(...args);
      if (typeof runtime !== "object" || runtime === null) return runtime;
      const members = runtime as Record<string, unknown>;
      const routed: Record<string, RequestWake> = {};
      for (const name of ["requestSessionEventWake", "requestSessionEventWakeAndWait"]) {
        const request = members[name];
        if (typeof request !== "function") continue;
        const rerouted = this.reroute(request as RequestWake);
        routed[name] = rerouted;
        this.#host.made?.(name, rerouted);
      }
      return { ...members, ...routed };
    };
  }

  #routed(options: unknown): { wake: WakeOptions; session: WokenSession } | undefined {
    try {
      const wake = options as WakeOptions | undefined;
      const sessionKey = wake?.sessionKey;
      if (!this.#events.strands(sessionKey, /^exec\b/.test(String(wake?.reason)))) return undefined;
      const session = this.#events.drainedBy(sessionKey);
      const { sessionKey: _, ...others } = wake as WakeOptions;
      // Under scope global a wake names the agent.
      const target =
        this.#host.session().scope === "global" ? { agentId: session.agentId } : { sessionKey: session.sessionKey };
      return { wake: { ...others, ...target }, session };
    } catch {
      this.#host.count("error");
      return undefined;
    }
  }

  /** The events that wait now wait for this wake. */
  #follow(session: WokenSession): void {
    try {
      const texts = this.#events.waiting(session.sessionKey);
      if (texts.length > 0) this.#host.follow(session, new Map(texts.map((text) => [text, {}])));
    } catch {
      this.#host.count("error");
    }
  }
}
