/**
 * The state of closed connections whose clients may come back: a client that proves the same device in time continues
 * where its last connection ended. Open connections have no state here.
 */
import type { Claim } from "./claim.ts";
import type { Later } from "./later.ts";
import type { Run } from "./run.ts";
import type { Start } from "./starts.ts";
import { parseAgentSessionKey } from "./session-key.ts";

/** The kept state of one connection. */
export interface Left<C> {
  /** Its claims, by canonical key, the least recently used first. */
  readonly claims: Map<string, Claim>;
  /** Runs that it started and that had not ended. */
  readonly runs: Run<C>[];
  /** Requests for a run that the gateway had not answered. */
  readonly starts: Start<C>[];
}

interface Entry<C> {
  readonly identity: string;
  readonly left: Left<C>;
  readonly forget: () => void;
}

/** Bound over all connections; the oldest are dropped first. */
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
   * Keeps the state of a closed connection.
   *
   * @param identity the client that may have it, which no other client can imitate
   * @param withinMs how long it is kept
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

  /**
   * Returns the kept state of a client's last connection, once.
   *
   * @param unique false if several programs may have this identity: then only the state of a single connection
   */
  take(identity: string, unique: boolean): Left<C> | undefined {
    const kept = this.#byIdentity.get(identity) ?? [];
    const entry = unique || kept.length === 1 ? kept.at(-1) : undefined;
    if (entry) this.#remove(entry);
    return entry?.left;
  }

  /** The client gave up a session by a request that was handled after the end of its connection. */
  leave(left: Left<C>, key: string): void {
    const isKept = [...this.#entries].some((entry) => entry.left === left);
    if (left.claims.delete(key) && isKept) this.#claims -= 1;
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

  /** Connections whose clients may come back. */
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
