/** The world of the model test: settings, sessions, events and actions on a gateway. */
import type { Later } from "../../../src/policy/later.ts";
import type { CanonicalRoute, DeliverySettings } from "../../../src/policy/delivery.ts";

/** Small enough that a short sequence of commands reaches every bound. */
export const LIMITS = { claimsPerConnection: 2, runsPerConnection: 2, heldFramesPerConnection: 3 };

export const SLOTS = 4;

/** Canonical, and as a client may write them. */
export const SESSIONS = [
  { key: "agent:main:main", alias: "main" },
  { key: "agent:main:a", alias: " A " },
  { key: "agent:work:b", alias: "agent:Work:B" },
  { key: "agent:main:c", alias: "c" },
] as const;

export const RUNS = ["r1", "r2", "r3", "r4"] as const;

/** Two that can prove who they are, and those that cannot. */
export const DEVICES = [undefined, "phone", "laptop"] as const;

/** How long a device that comes back has its claims again, in milliseconds. */
export const RESUME_MS = 60_000;

/** So much time passes: less than a wait takes to count as accepted, that, a run's tail, and more than all bounds. */
export const TIMES = [200, 300, 11_000, 3_600_000] as const;

export type WorldSettings = DeliverySettings;

/** The run of an event; undefined for events other than `chat` and `agent`. */
export type Sign = "delta" | "final" | "empty" | "aborted" | "begins" | "works" | "ends";

export type Intent =
  | {
      readonly kind: "claim";
      readonly keys: readonly string[];
      readonly explicit: boolean;
      /** The gateway may start a run for it. */
      readonly startsRun: boolean;
    }
  | { readonly kind: "unclaim"; readonly keys: readonly string[] }
  | { readonly kind: "end"; readonly keys: readonly string[] }
  | { readonly kind: "roster"; readonly wanted: boolean }
  | { readonly kind: "wait"; readonly runId: string };

/** The gateway's answer; `failed` stands for a handler that threw. */
export type Outcome =
  | {
      readonly result: "ok";
      readonly extraKeys: readonly string[];
      readonly runId?: string | undefined;
      /** The gateway says that it has started the run just now. */
      readonly fresh?: boolean | undefined;
    }
  | { readonly result: "refused" }
  | { readonly result: "failed" };

export interface Frame {
  readonly id: number;
  readonly route: CanonicalRoute | { readonly to: "all" };
  readonly sign?: Sign | undefined;
  /** Slots upstream chose, for a targeted broadcast. */
  readonly targets?: readonly number[] | undefined;
}

/** A request that has begun; numbered in the order of beginning. */
export type RequestId = number;

export interface Sizes {
  readonly connections: number;
  readonly claims: number;
  readonly sessions: number;
  readonly roster: number;
  readonly observers: number;
  readonly held: number;
  readonly runs: number;
  readonly resumable: number;
}

/** A gateway with event isolation: the oracle, the policy by hand, or the real composition. */
export interface World {
  connect(slot: number, observer: boolean, device: string | undefined): void;
  close(slot: number): void;
  /** @returns false if the request was refused at once for the limit of explicit claims */
  begin(slot: number, request: RequestId, intent: Intent): boolean;
  answer(request: RequestId, outcome: Outcome): void;
  emit(frame: Frame): void;
  /** The end of an event loop turn. */
  turn(): void;
  /** So many milliseconds pass. */
  pass(ms: number): void;
  /** In-process restart: every connection gone, all state new but what waits for devices. */
  restart(): void;
  sizes(): Sizes;
  /** Ids of the frames that each slot got, since it last connected. */
  delivered(slot: number): readonly number[];
}

export function sessionIndex(key: string): number {
  return SESSIONS.findIndex((session) => session.key === key);
}

/** A clock that is set by hand. */
export class Clock {
  now = 0;
  #timers: { readonly at: number; readonly action: () => void }[] = [];

  readonly later: Later = (ms, action) => {
    const timer = { at: this.now + ms, action };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((each) => each !== timer));
  };

  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.now = due.at;
      this.#timers = this.#timers.filter((each) => each !== due);
      due.action();
    }
    this.now = end;
  }
}

/** An event of a run, as upstream sends it. */
export function eventOf(sign: Sign, payload: Readonly<Record<string, unknown>>): { event: string; payload: object } {
  const chat = (state: string, more: object = {}) => ({ event: "chat", payload: { ...payload, state, ...more } });
  const agent = (stream: string, data: object) => ({ event: "agent", payload: { ...payload, stream, data } });
  switch (sign) {
    case "delta":
      return chat("delta", { message: {} });
    case "final":
      return chat("final", { message: {} });
    case "empty":
      return chat("final");
    case "aborted":
      return chat("aborted");
    case "begins":
      return agent("lifecycle", { phase: "start" });
    case "works":
      return agent("assistant", {});
    case "ends":
      return agent("lifecycle", { phase: "end" });
  }
}
