/** Sends the wake of a cron run's event to the session in whose queue the event now is. */
import { scopedHeartbeatWakeOptions } from "../policy/cron-keys.ts";
import type { RemapHost, SystemEvents } from "./cron-events.ts";

/** Any one of the seam `wake-requests`, or `requestSessionEventWake` of what `createSessionEventWakeRuntime` makes. */
export type RequestWake = (options?: unknown, ...rest: unknown[]) => unknown;

interface WakeOptions {
  readonly sessionKey?: unknown;
  readonly intent?: unknown;
  readonly agentId?: unknown;
}

/** Past the minute over which releases count wakes to stop a flood. */
const REPEAT_MS = 65_000;
const MAX_REPEATS = 5;
/** One for each agent's main session is what there can be; more are not kept an eye on. */
const MAX_KEPT = 256;

interface Kept {
  /** What waited in the queue when its wake was last asked for. */
  waiting: ReadonlySet<string>;
  again: () => void;
  left: number;
}

/** One gateway process's wake requests. */
export class WakeTargets {
  readonly #host: RemapHost;
  readonly #events: SystemEvents;
  readonly #kept = new Map<string, Kept>();

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
      this.#keep(routed.queue, () => void original(wake, ...rest));
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

  #routed(options: unknown): { wake: WakeOptions; queue: string } | undefined {
    try {
      const wake = options as WakeOptions | undefined;
      const sessionKey = wake?.sessionKey;
      if (!this.#events.strands(sessionKey)) return undefined;
      const { mainKey, scope } = this.#host.session();
      return {
        wake: scopedHeartbeatWakeOptions(sessionKey, wake as object, mainKey, scope),
        queue: this.#events.queueOf(sessionKey),
      };
    } catch {
      this.#host.count("error");
      return undefined;
    }
  }

  /** Repeats a wake that the release dropped (its flood guard does), while its event still waits. */
  #keep(queue: string, again: () => void): void {
    const waiting = new Set(this.#events.waiting(queue));
    const known = this.#kept.get(queue);
    if (known) {
      Object.assign(known, { waiting, again, left: MAX_REPEATS });
      return;
    }
    if (this.#kept.size >= MAX_KEPT) return;
    this.#kept.set(queue, { waiting, again, left: MAX_REPEATS });
    this.#lookLater(queue);
  }

  #lookLater(queue: string): void {
    const timer = setTimeout(() => {
      try {
        this.#look(queue);
      } catch {
        this.#kept.delete(queue);
        this.#host.count("error");
      }
    }, REPEAT_MS);
    timer.unref();
  }

  #look(queue: string): void {
    const kept = this.#kept.get(queue);
    if (!kept) return;
    const still = this.#events.waiting(queue);
    // Others may have come to wait there on purpose, for the next heartbeat.
    if (kept.left === 0 || !still.some((text) => kept.waiting.has(text))) {
      this.#kept.delete(queue);
      return;
    }
    kept.left -= 1;
    kept.waiting = new Set(still);
    this.#host.count("wake-repeated");
    kept.again();
    this.#lookLater(queue);
  }
}
