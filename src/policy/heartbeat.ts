/**
 * Decides when a heartbeat may run: which users' runs are active, which wake must wait and for how long at most.
 * Times are milliseconds on the caller's clock, which must not be adjustable: setting it back would defer heartbeats
 * for as long.
 */

import { BoundedMap } from "./bounded-map.ts";

/** The default quiet time: after it, measurements found no follow-up lost to a heartbeat. */
export const QUIET_MS = 10_000;
/** The same on releases that leave a busy session alone for a minute themselves, from 2026.8. */
export const IDLE_MINUTE_MS = 60_000;

/** From 2026.8 on, releases end a heartbeat's job with an error if it has waited for ten minutes; 2026.9.5 no longer. */
export const JOB_WAIT_MS = 9 * 60_000;

export interface HeartbeatTimes {
  /** How long after a run's end scheduled heartbeats of its agent wait. */
  readonly quietMs: number;
  /** The longest time that one wake is deferred, over all of its retries. */
  readonly maxDeferMs: number;
}

export interface HeartbeatSettings extends Omit<HeartbeatTimes, "quietMs"> {
  /** Undefined: the release's default. */
  readonly quietMs?: number;
  /** Whether a user's request aborts a heartbeat that runs on its session. */
  readonly preempt: boolean;
}

/** Where a run or a wake belongs. */
export interface Place {
  /** Canonical. */
  readonly sessionKey: string;
  /** Undefined if nothing names the agent, e.g. for `global`. */
  readonly agentId: string | undefined;
}

export interface Wake extends Place {
  /** By the interval; other wakes carry an event that a user waits for. */
  readonly scheduled: boolean;
}

export type WakeDecision =
  /** `overdue`: it was deferred for as long as allowed, and must not be disturbed again. */
  | { readonly act: "run"; readonly overdue: boolean }
  /** `retryInMs`: when to ask again, for releases that accept a time. */
  | { readonly act: "defer"; readonly reason: Obstacle["reason"]; readonly retryInMs: number };

/** What a wake must wait for, and when to check again. */
interface Obstacle {
  readonly reason: "active-run" | "quiet";
  readonly forMs: number;
}

/** The interval at which releases without a given time ask again themselves. */
export const RETRY_MS = 1_000;

/** Runs without a sign of life for so long have ended unseen. A wrong guess costs a deferral. */
const RUN_TTL_MS = 10 * 60_000;
/** Releases retry a busy wake after 1 or 60 s; one that is gone for longer is a new one. */
const RETRY_GAP_MS = 150_000;

const MAX_RUNS = 4_096;
const MAX_DEFERRALS = 1_024;
const MAX_QUIET = 1_024;

interface ActiveRun {
  readonly place: Place;
  seenAt: number;
}

interface Deferral {
  readonly since: number;
  seenAt: number;
}

export class HeartbeatPolicy {
  readonly #times: HeartbeatTimes;
  readonly #runs = new BoundedMap<string, ActiveRun>(MAX_RUNS);
  /** When the last run ended, by agent or, without one, by session. */
  readonly #ended = new BoundedMap<string, number>(MAX_QUIET);
  readonly #deferrals = new BoundedMap<string, Deferral>(MAX_DEFERRALS);

  constructor(times: HeartbeatTimes) {
    this.#times = times;
  }

  /**
   * A user's run is active.
   *
   * @param id run id, or any name for a request that has none yet
   */
  runActive(id: string, place: Place, now: number): void {
    this.#runs.set(id, { place, seenAt: now });
  }

  /** A run shows a sign of life. Unknown ids are ignored: it may have been its last word. */
  runSeen(id: string, now: number): void {
    const run = this.#runs.get(id);
    if (run) run.seenAt = now;
  }

  /** A run has ended, in whatever way. Unknown ids are ignored. */
  runEnded(id: string, now: number): void {
    const run = this.#runs.get(id);
    if (!run) return;
    this.#runs.delete(id);
    this.#ended.renew(ownerOf(run.place), now);
  }

  /** Whether a user's run is active on a session. */
  isActive(sessionKey: string, now: number): boolean {
    return this.#some(now, (place) => place.sessionKey === sessionKey);
  }

  /**
   * Decides on a wake that is about to run. A deferred one is expected again.
   *
   * Scheduled wakes wait for every run of their agent and for the quiet time after it, others only
   * for a run on their own session. Other agents never count.
   */
  decide(wake: Wake, now: number): WakeDecision {
    const obstacle = this.#busy(wake, now);
    const id = nameOf(wake);
    const deferral = this.#deferral(id, now);
    const overdue = deferral !== undefined && now - deferral.since >= this.#times.maxDeferMs;
    if (!obstacle || overdue) return { act: "run", overdue };
    const { reason, forMs } = obstacle;
    const { since } = this.#defer(id, now);
    return { act: "defer", reason, retryInMs: Math.min(forMs, since + this.#times.maxDeferMs - now) };
  }

  /** A heartbeat was aborted for a user's request; the time of its deferral continues. */
  preempted(wake: Wake, now: number): void {
    this.#defer(nameOf(wake), now);
  }

  /** A heartbeat has run: the next wake of its kind starts anew. */
  completed(wake: Wake): void {
    this.#deferrals.delete(nameOf(wake));
  }

  /** The number of entries, for status and tests. */
  get size(): { runs: number; deferrals: number } {
    return { runs: this.#runs.size, deferrals: this.#deferrals.size };
  }

  #busy(wake: Wake, now: number): Obstacle | undefined {
    const owner = ownerOf(wake);
    const waitsFor = (place: Place): boolean =>
      place.sessionKey === wake.sessionKey || (wake.scheduled && ownerOf(place) === owner);
    if (this.#some(now, waitsFor)) return { reason: "active-run", forMs: RETRY_MS };
    const endedAt = wake.scheduled ? this.#ended.get(owner) : undefined;
    if (endedAt === undefined) return undefined;
    const quietFor = endedAt + this.#times.quietMs - now;
    return quietFor > 0 ? { reason: "quiet", forMs: quietFor } : undefined;
  }

  #some(now: number, matches: (place: Place) => boolean): boolean {
    for (const [id, run] of this.#runs) {
      if (now - run.seenAt > RUN_TTL_MS) this.#runs.delete(id);
      else if (matches(run.place)) return true;
    }
    return false;
  }

  #deferral(id: string, now: number): Deferral | undefined {
    const deferral = this.#deferrals.get(id);
    if (!deferral || now - deferral.seenAt <= RETRY_GAP_MS) return deferral;
    this.#deferrals.delete(id);
    return undefined;
  }

  #defer(id: string, now: number): Deferral {
    let deferral = this.#deferral(id, now);
    if (!deferral) this.#deferrals.set(id, (deferral = { since: now, seenAt: now }));
    deferral.seenAt = now;
    return deferral;
  }
}

function ownerOf({ agentId, sessionKey }: Place): string {
  return agentId === undefined ? `session ${sessionKey}` : `agent ${agentId}`;
}

function nameOf(wake: Wake): string {
  return `${wake.scheduled ? "scheduled" : "event"} ${wake.agentId ?? ""} ${wake.sessionKey}`;
}
