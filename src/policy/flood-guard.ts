/**
 * How many heartbeats of an agent targeted wakes may start. Mirrors the flood guard of 2026.9, with
 * which a wake beyond the limit waits and is not lost. Times are milliseconds on the caller's clock,
 * which must not be one that can be set.
 */

import { BoundedMap } from "./bounded-map.ts";

/** Five a minute, as upstream. */
const WINDOW_MS = 60_000;
const MAX_STARTS = 5;

const MAX_AGENTS = 1_024;

export class FloodGuard {
  readonly #starts = new BoundedMap<string, readonly number[]>(MAX_AGENTS);

  /** How long the next heartbeat of an agent has to wait; 0 if it may start now. */
  waitMs(agentId: string, now: number): number {
    const starts = this.#recent(agentId, now);
    const oldest = starts.at(-MAX_STARTS);
    return oldest === undefined ? 0 : oldest + WINDOW_MS + 1 - now;
  }

  /** A heartbeat of an agent starts. */
  started(agentId: string, at: number): void {
    const starts = [...this.#recent(agentId, at), at].slice(-MAX_STARTS);
    this.#starts.renew(agentId, starts);
  }

  /** The heartbeat did not run after all. */
  cancelled(agentId: string, at: number): void {
    const starts = [...(this.#starts.get(agentId) ?? [])];
    const index = starts.lastIndexOf(at);
    if (index >= 0) this.#starts.set(agentId, starts.toSpliced(index, 1));
  }

  #recent(agentId: string, now: number): readonly number[] {
    return (this.#starts.get(agentId) ?? []).filter((at) => now - at <= WINDOW_MS);
  }
}
