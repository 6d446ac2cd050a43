/**
 * Which connection claims which session: an index in both directions, so that the work of an
 * event grows with its subscribers and the work of a disconnect with that connection's claims.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import { Claim } from "./claim.ts";

/** Which sessions a connection may claim at all; keys are canonical. */
export interface ClaimAccess {
  allows(key: string): boolean;
}

export interface SubscriptionLimits {
  /** Sessions that one connection may claim at a time, pending claims included. */
  readonly claimsPerConnection: number;
  /** Runs remembered as started by one connection; the oldest is forgotten. */
  readonly runsPerConnection: number;
}

interface Subscriber {
  readonly claims: Map<string, Claim>;
  readonly runs: Set<string>;
  roster: boolean;
  /** Undefined for all sessions. */
  access: ClaimAccess | undefined;
}

interface KeyEntry<C> {
  readonly claimed: Set<C>;
  readonly pending: Set<C>;
}

/** A claim that waits for the gateway's answer. Settle it exactly once; more is ignored. */
export interface PendingClaim {
  /** The gateway accepted the request. `extraKeys` are claimed too: keys that its answer named. */
  accept(answer?: { readonly extraKeys?: readonly string[]; readonly runId?: string | undefined }): void;
  /** The gateway refused the request, or failed. */
  reject(): void;
}

const NONE: ReadonlySet<never> = new Set();

export class Subscriptions<C> {
  readonly #limits: SubscriptionLimits;
  readonly #subscribers = new Map<C, Subscriber>();
  readonly #keys = new Map<string, KeyEntry<C>>();
  readonly #roster = new Set<C>();
  readonly #observers = new Set<C>();
  /** Connections that may not have all sessions. */
  readonly #restricted = new Set<C>();
  #claims = 0;
  #requests = 0;

  constructor(limits: SubscriptionLimits) {
    this.#limits = limits;
  }

  /** Starts tracking a connection. A second call for the same one changes nothing. */
  connect(
    connection: C,
    options: { readonly observer?: boolean; readonly access?: ClaimAccess | undefined } = {},
  ): void {
    if (this.#subscribers.has(connection)) return;
    this.#subscribers.set(connection, { claims: new Map(), runs: new Set(), roster: false, access: undefined });
    this.entitle(connection, options.access, options.observer === true);
  }

  /**
   * Sets what a connection may have. Claims on sessions that it may not have any more end at once,
   * those that wait for an answer too.
   */
  entitle(connection: C, access: ClaimAccess | undefined, observer: boolean): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber) return;
    subscriber.access = access;
    if (observer) this.#observers.add(connection);
    else this.#observers.delete(connection);
    if (!access) return void this.#restricted.delete(connection);
    this.#restricted.add(connection);
    for (const key of subscriber.claims.keys()) if (!access.allows(key)) this.unclaim(connection, key);
  }

  /** Forgets a connection and all that it claimed. */
  disconnect(connection: C): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber) return;
    for (const key of subscriber.claims.keys()) this.#unlink(connection, key);
    this.#claims -= subscriber.claims.size;
    this.#subscribers.delete(connection);
    this.#roster.delete(connection);
    this.#observers.delete(connection);
    this.#restricted.delete(connection);
  }

  /**
   * Begins claims that count once the gateway has accepted the request.
   *
   * @param keys canonical session keys; those that the connection may not have are left out
   * @returns undefined if the connection is unknown or would exceed its limit: nothing changed then
   */
  begin(connection: C, keys: readonly string[], explicit = false): PendingClaim | undefined {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber) return undefined;
    const distinct = [...new Set(keys)].filter((key) => mayHave(subscriber, key));
    const added = distinct.filter((key) => !subscriber.claims.has(key)).length;
    if (subscriber.claims.size + added > this.#limits.claimsPerConnection) return undefined;
    this.#requests += 1;
    const request = this.#requests;
    for (const key of distinct) this.#claim(subscriber, key).begin(request);
    this.#reindex(connection, subscriber, distinct);
    let settled = false;
    const settle = (accepted: boolean, extraKeys: readonly string[], runId?: string): void => {
      // A connection that went away took its claims along; a second answer changes nothing.
      if (settled || this.#subscribers.get(connection) !== subscriber) return;
      settled = true;
      for (const key of distinct) {
        const claim = subscriber.claims.get(key);
        // Ended in between: an unsubscribe or a deletion overtook the answer.
        if (claim?.settle(request) && accepted) claim.accept(request, explicit);
      }
      this.#reindex(connection, subscriber, distinct);
      if (!accepted) return;
      // A key of the request itself was settled above, and stays ended if it was ended in between.
      const others = extraKeys.filter((key) => !distinct.includes(key));
      this.#acceptExtra(connection, subscriber, others, request, explicit);
      if (runId !== undefined) this.#ownRun(subscriber, runId);
    };
    return {
      accept: (answer = {}) => settle(true, answer.extraKeys ?? [], answer.runId),
      reject: () => settle(false, []),
    };
  }

  /** Ends one connection's claim, whatever it came from. */
  unclaim(connection: C, key: string): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber?.claims.delete(key)) return;
    this.#claims -= 1;
    this.#unlink(connection, key);
  }

  /** The last request that has begun, for {@link end}. */
  get now(): number {
    return this.#requests;
  }

  /**
   * Ends everybody's claims on a session: it was deleted.
   *
   * @param asOf the deletion's own point in the order: who asked for the session after it keeps it
   */
  end(key: string, asOf: number = this.#requests): void {
    const entry = this.#keys.get(key);
    if (!entry) return;
    for (const connection of [...entry.claimed, ...entry.pending]) {
      const subscriber = this.#subscribers.get(connection);
      const claim = subscriber?.claims.get(key);
      if (!subscriber || !claim) continue;
      claim.end(asOf);
      this.#reindex(connection, subscriber, [key]);
    }
  }

  /** Records whether a connection asked for the session roster. */
  setRoster(connection: C, wanted: boolean): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber) return;
    subscriber.roster = wanted;
    if (wanted) this.#roster.add(connection);
    else this.#roster.delete(connection);
  }

  /** {@link claimed} and {@link pending} in one look-up; undefined if both are empty. Live. */
  on(key: string): { readonly claimed: ReadonlySet<C>; readonly pending: ReadonlySet<C> } | undefined {
    return this.#keys.get(key);
  }

  /** Connections with an accepted claim on a canonical key. Live: copy before changing claims. */
  claimed(key: string): ReadonlySet<C> {
    return this.#keys.get(key)?.claimed ?? NONE;
  }

  /** Connections whose only claim on a canonical key still waits for the gateway's answer. */
  pending(key: string): ReadonlySet<C> {
    return this.#keys.get(key)?.pending ?? NONE;
  }

  /** True while the gateway owes this connection an answer to a request on the session. */
  isPending(connection: C, key: string): boolean {
    return this.#subscribers.get(connection)?.claims.get(key)?.pending === true;
  }

  isExplicit(connection: C, key: string): boolean {
    return this.#subscribers.get(connection)?.claims.get(key)?.explicit === true;
  }

  startedRun(connection: C, runId: string): boolean {
    return this.#subscribers.get(connection)?.runs.has(runId) === true;
  }

  /** Connections that asked for the roster. Live. */
  get roster(): ReadonlySet<C> {
    return this.#roster;
  }

  /** Connections that see sessions without claiming them, as far as they may have them. Live. */
  get observers(): ReadonlySet<C> {
    return this.#observers;
  }

  /** Observers that may have all sessions. */
  fullObservers(): ReadonlySet<C> {
    if (this.#restricted.size === 0) return this.#observers;
    return new Set([...this.#observers].filter((each) => !this.#restricted.has(each)));
  }

  /** Whether a connection may have all of these sessions. */
  mayHave(connection: C, keys: readonly string[]): boolean {
    if (!this.#restricted.has(connection)) return true;
    const access = this.#subscribers.get(connection)?.access;
    return access === undefined || keys.every((key) => access.allows(key));
  }

  /** Connections that may not have all sessions. Live. */
  get restricted(): ReadonlySet<C> {
    return this.#restricted;
  }

  has(connection: C): boolean {
    return this.#subscribers.has(connection);
  }

  /** Canonical keys that a connection claims or waits for. */
  claimsOf(connection: C): readonly string[] {
    return [...(this.#subscribers.get(connection)?.claims.keys() ?? [])];
  }

  /** Sessions with the number of connections that claim them, the most claimed first. For status. */
  mostClaimed(limit: number): { key: string; claimers: number }[] {
    const all = Array.from(this.#keys, ([key, { claimed }]) => ({ key, claimers: claimed.size }));
    return all.sort((a, b) => b.claimers - a.claimers).slice(0, limit);
  }

  /** Sizes, for status: all are zero again when the last connection has gone. */
  get size(): { connections: number; claims: number; sessions: number; roster: number; observers: number } {
    return {
      connections: this.#subscribers.size,
      claims: this.#claims,
      sessions: this.#keys.size,
      roster: this.#roster.size,
      observers: this.#observers.size,
    };
  }

  #claim(subscriber: Subscriber, key: string): Claim {
    let claim = subscriber.claims.get(key);
    if (!claim) {
      claim = new Claim();
      subscriber.claims.set(key, claim);
      this.#claims += 1;
    }
    return claim;
  }

  #acceptExtra(
    connection: C,
    subscriber: Subscriber,
    keys: readonly string[],
    request: number,
    explicit: boolean,
  ): void {
    for (const key of keys) {
      if (!mayHave(subscriber, key)) continue;
      // The gateway has already said yes; a full connection keeps what it has and gets no more.
      if (!subscriber.claims.has(key) && subscriber.claims.size >= this.#limits.claimsPerConnection) continue;
      this.#claim(subscriber, key).accept(request, explicit);
    }
    this.#reindex(connection, subscriber, keys);
  }

  #ownRun(subscriber: Subscriber, runId: string): void {
    subscriber.runs.add(runId);
    if (subscriber.runs.size > this.#limits.runsPerConnection) {
      const [oldest] = subscriber.runs;
      subscriber.runs.delete(oldest!);
    }
  }

  /** Brings the key index in line with a connection's claims on `keys`. */
  #reindex(connection: C, subscriber: Subscriber, keys: readonly string[]): void {
    for (const key of keys) {
      const claim = subscriber.claims.get(key);
      this.#unlink(connection, key);
      if (!claim) continue;
      if (!claim.accepted && !claim.pending) {
        subscriber.claims.delete(key);
        this.#claims -= 1;
        continue;
      }
      let entry = this.#keys.get(key);
      if (!entry) this.#keys.set(key, (entry = { claimed: new Set(), pending: new Set() }));
      (claim.accepted ? entry.claimed : entry.pending).add(connection);
    }
  }

  #unlink(connection: C, key: string): void {
    const entry = this.#keys.get(key);
    if (!entry) return;
    entry.claimed.delete(connection);
    entry.pending.delete(connection);
    if (entry.claimed.size === 0 && entry.pending.size === 0) this.#keys.delete(key);
  }
}

function mayHave({ access }: Subscriber, key: string): boolean {
  return access === undefined || access.allows(key);
}
