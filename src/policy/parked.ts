/**
 * What connections left behind that may come back: a client that proves the same device within a bound goes on
 * where its last connection ended. Nothing here is of a connection that is open.
 */
import type { Later } from "./later.ts";
import type { Run } from "./runs.ts";
import { parseAgentSessionKey } from "./session-key.ts";

/** What one connection left behind. */
export interface Left<C> {
  /** Canonical keys of the sessions it claimed, the least recently used first, and whether explicitly. */
  readonly claims: Map<string, boolean>;
  /** Runs that it started and that had not ended. */
  readonly runs: Run<C>[];
}

interface Entry<C> {
  readonly identity: string;
  readonly left: Left<C>;
  readonly forget: () => void;
}

/** Over all connections; the oldest go first. */
const MAX_CONNECTIONS = 10_000;
const MAX_CLAIMS = 200_000;

export class Parked<C> {
  readonly #later: Later;
  /** In the order of parking. */
  readonly #entries = new Set<Entry<C>>();
  readonly #byIdentity = new Map<string, Entry<C>[]>();
  #claims = 0;

  constructor(later: Later) {
    this.#later = later;
  }

  /**
   * Keeps what a connection left behind.
   *
   * @param identity who may have it: nobody else can claim to be that
   * @param withinMs for so long
   */
  park(identity: string, left: Left<C>, withinMs: number): void {
    const entry: Entry<C> = { identity, left, forget: this.#later(withinMs, () => this.#remove(entry)) };
    this.#entries.add(entry);
    const own = this.#byIdentity.get(identity);
    if (own) own.push(entry);
    else this.#byIdentity.set(identity, [entry]);
    this.#claims += left.claims.size;
    while (this.#entries.size > MAX_CONNECTIONS || this.#claims > MAX_CLAIMS) {
      const [oldest] = this.#entries;
      this.#remove(oldest!);
    }
  }

  /** Hands out what the last of somebody's connections left behind, once. */
  take(identity: string): Left<C> | undefined {
    const entry = this.#byIdentity.get(identity)?.at(-1);
    if (entry) this.#remove(entry);
    return entry?.left;
  }

  /** A session was deleted. */
  end(key: string): void {
    for (const { left } of this.#entries) if (left.claims.delete(key)) this.#claims -= 1;
  }

  /** The same for all sessions of an agent. */
  endAgent(agentId: string): void {
    for (const { left } of this.#entries) {
      for (const key of left.claims.keys()) {
        if (parseAgentSessionKey(key)?.agentId === agentId && left.claims.delete(key)) this.#claims -= 1;
      }
    }
  }

  /** Connections that may come back. */
  get size(): number {
    return this.#entries.size;
  }

  #remove(entry: Entry<C>): void {
    if (!this.#entries.delete(entry)) return;
    const { identity, left, forget } = entry;
    const others = this.#byIdentity.get(identity)!.filter((each) => each !== entry);
    if (others.length > 0) this.#byIdentity.set(identity, others);
    else this.#byIdentity.delete(identity);
    this.#claims -= left.claims.size;
    forget();
  }
}
