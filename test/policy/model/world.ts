/** What the model test talks about: settings, sessions, events and what one can do to a gateway. */
import type { CanonicalRoute, DeliverySettings } from "../../../src/policy/delivery.ts";

/** Small enough that a short sequence of commands reaches every bound. */
export const LIMITS = { claimsPerConnection: 3, runsPerConnection: 2, heldFramesPerConnection: 3 };

export const SLOTS = 4;

/** Canonical, and as a client may write them. */
export const SESSIONS = [
  { key: "agent:main:main", alias: "main" },
  { key: "agent:main:a", alias: " A " },
  { key: "agent:work:b", alias: "agent:Work:B" },
  { key: "agent:main:c", alias: "c" },
] as const;

export const RUNS = ["r1", "r2", "r3", "r4"] as const;

export type WorldSettings = DeliverySettings;

export type Intent =
  | { readonly kind: "claim"; readonly keys: readonly string[]; readonly explicit: boolean }
  | { readonly kind: "unclaim"; readonly keys: readonly string[] }
  | { readonly kind: "end"; readonly keys: readonly string[] }
  | { readonly kind: "roster"; readonly wanted: boolean };

/** The gateway's answer; `failed` stands for a handler that threw. */
export type Outcome =
  | { readonly result: "ok"; readonly extraKeys: readonly string[]; readonly runId?: string | undefined }
  | { readonly result: "refused" }
  | { readonly result: "failed" };

export interface Frame {
  readonly id: number;
  readonly route: CanonicalRoute | { readonly to: "all" };
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
}

/** A gateway with event isolation: the oracle, the policy by hand, or the real composition. */
export interface World {
  connect(slot: number, observer: boolean): void;
  close(slot: number): void;
  /** @returns false if the request was refused at once for the claim limit */
  begin(slot: number, request: RequestId, intent: Intent): boolean;
  answer(request: RequestId, outcome: Outcome): void;
  emit(frame: Frame): void;
  /** The end of an event loop turn. */
  turn(): void;
  /** In-process restart: every connection gone, all state new. */
  restart(): void;
  sizes(): Sizes;
  /** Ids of the frames that each slot got, since it last connected. */
  delivered(slot: number): readonly number[];
}

export function sessionIndex(key: string): number {
  return SESSIONS.findIndex((session) => session.key === key);
}
