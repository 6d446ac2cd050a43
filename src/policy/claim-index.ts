/**
 * Maps a session to the connections that claim it, so that the cost of an event grows only with its claimers.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import type { Changes } from "./changes.ts";
import type { Claim } from "./claim.ts";
import { FewSet } from "./few-set.ts";

const NONE: ReadonlySet<never> = new Set<never>();

/** The connections with an accepted claim on one session. */
export class Claimers<C> extends FewSet<C> {
  #pending: Set<C> | undefined;
  /** Events that went to all claimers of the time, see {@link Claim.since}. */
  published = 0;

  /** Those whose only claim still waits for the gateway's answer; nearly always none. Live while there are some. */
  get pending(): ReadonlySet<C> {
    return this.#pending ?? NONE;
  }

  wait(connection: C): void {
    (this.#pending ??= new Set()).add(connection);
  }

  waitNoMore(connection: C): void {
    if (this.#pending?.delete(connection) && this.#pending.size === 0) this.#pending = undefined;
  }
}

export class ClaimIndex<C> {
  readonly #keys = new Map<string, Claimers<C>>();
  readonly #changes: Changes;

  constructor(changes: Changes) {
    this.#changes = changes;
  }

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
    if (!claim.accepted && !claim.pending) return this.remove(connection, key);
    this.#changes.happened();
    let entry = this.#keys.get(key);
    if (!entry) this.#keys.set(key, (entry = new Claimers()));
    if (claim.accepted) {
      entry.waitNoMore(connection);
      entry.add(connection);
    } else {
      entry.delete(connection);
      entry.wait(connection);
    }
  }

  remove(connection: C, key: string): void {
    const entry = this.#keys.get(key);
    if (!entry) return;
    this.#changes.happened();
    entry.delete(connection);
    entry.waitNoMore(connection);
    if (entry.size === 0 && entry.pending.size === 0) this.#keys.delete(key);
  }

  /** Sessions with the number of connections that claim them, the most claimed first. */
  mostClaimed(limit: number): { key: string; claimers: number }[] {
    const all = Array.from(this.#keys, ([key, { size }]) => ({ key, claimers: size }));
    return all.sort((a, b) => b.claimers - a.claimers).slice(0, limit);
  }
}
