/**
 * Maps a session to the connections that claim it, so that the cost of an event grows only with its claimers.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import type { Claim } from "./claim.ts";

/** Connections of one session. */
export interface Claimers<C> {
  /** Those with an accepted claim. */
  readonly claimed: ReadonlySet<C>;
  /** Those whose only claim still waits for the gateway's answer. */
  readonly pending: ReadonlySet<C>;
}

interface Entry<C> extends Claimers<C> {
  readonly claimed: Set<C>;
  readonly pending: Set<C>;
}

export class ClaimIndex<C> {
  readonly #keys = new Map<string, Entry<C>>();

  get size(): number {
    return this.#keys.size;
  }

  /** Undefined if nobody claims the session. Live. */
  on(key: string): Claimers<C> | undefined {
    return this.#keys.get(key);
  }

  keys(): Iterable<string> {
    return this.#keys.keys();
  }

  /** Records a connection according to its claim; removes one whose claim is neither accepted nor pending. */
  enter(connection: C, key: string, claim: Claim): void {
    this.remove(connection, key);
    if (!claim.accepted && !claim.pending) return;
    let entry = this.#keys.get(key);
    if (!entry) this.#keys.set(key, (entry = { claimed: new Set(), pending: new Set() }));
    (claim.accepted ? entry.claimed : entry.pending).add(connection);
  }

  remove(connection: C, key: string): void {
    const entry = this.#keys.get(key);
    if (!entry) return;
    entry.claimed.delete(connection);
    entry.pending.delete(connection);
    if (entry.claimed.size === 0 && entry.pending.size === 0) this.#keys.delete(key);
  }

  /** Sessions with the number of connections that claim them, the most claimed first. */
  mostClaimed(limit: number): { key: string; claimers: number }[] {
    const all = Array.from(this.#keys, ([key, { claimed }]) => ({ key, claimers: claimed.size }));
    return all.sort((a, b) => b.claimers - a.claimers).slice(0, limit);
  }
}
