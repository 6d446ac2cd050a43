/**
 * Which connection claims which session: an index in both directions, so that the work of an
 * event grows with its subscribers and the work of a disconnect with that connection's claims.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import { Claim } from "./claim.ts";
import { parseAgentSessionKey } from "./session-key.ts";

/** Which sessions a connection may claim at all; keys are canonical. */
export interface ClaimAccess {
  allows(key: string): boolean;
}

export interface ClaimLimits {
  /** Sessions that one connection may claim at a time, pending claims included. */
  readonly claimsPerConnection: number;
  /** Runs remembered as started by one connection; the oldest is forgotten. */
  readonly runsPerConnection: number;
}

interface Claimant {
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

/** What the gateway's answer says about claims. */
export interface AcceptedAnswer {
  readonly extraKeys?: readonly string[];
  readonly only?: readonly string[] | undefined;
  readonly runId?: string | undefined;
}

/** A claim that waits for the gateway's answer. Settle it exactly once; more is ignored. */
export interface PendingClaim {
  /**
   * The gateway accepted the request. `extraKeys` are claimed too: keys that its answer named. With `only`,
   * those of the request's keys that are not in it are not.
   */
  accept(answer?: AcceptedAnswer): void;
  /** The gateway refused the request, or failed. */
  reject(): void;
}

const NONE: ReadonlySet<never> = new Set();

export class Claims<C> {
  readonly #limits: ClaimLimits;
  readonly #claimants = new Map<C, Claimant>();
  readonly #keys = new Map<string, KeyEntry<C>>();
  readonly #roster = new Set<C>();
  readonly #observers = new Set<C>();
  /** Connections that may not have all sessions. */
  readonly #restricted = new Set<C>();
  #count = 0;
  #requests = 0;

  constructor(limits: ClaimLimits) {
    this.#limits = limits;
  }

  /** Starts tracking a connection. A second call for the same one changes nothing. */
  connect(
    connection: C,
    options: { readonly observer?: boolean; readonly access?: ClaimAccess | undefined } = {},
  ): void {
    if (this.#claimants.has(connection)) return;
    this.#claimants.set(connection, { claims: new Map(), runs: new Set(), roster: false, access: undefined });
    this.entitle(connection, options.access, options.observer === true);
  }

  /**
   * Sets what a connection may have. Claims on sessions that it may not have any more end at once,
   * those that wait for an answer too.
   */
  entitle(connection: C, access: ClaimAccess | undefined, observer: boolean): void {
    const claimant = this.#claimants.get(connection);
    if (!claimant) return;
    claimant.access = access;
    if (observer) this.#observers.add(connection);
    else this.#observers.delete(connection);
    if (!access) return void this.#restricted.delete(connection);
    this.#restricted.add(connection);
    for (const key of claimant.claims.keys()) if (!access.allows(key)) this.unclaim(connection, key);
  }

  /** Forgets a connection and all that it claimed. */
  disconnect(connection: C): void {
    const claimant = this.#claimants.get(connection);
    if (!claimant) return;
    for (const key of claimant.claims.keys()) this.#unlink(connection, key);
    this.#count -= claimant.claims.size;
    this.#claimants.delete(connection);
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
    const claimant = this.#claimants.get(connection);
    if (!claimant) return undefined;
    const distinct = [...new Set(keys)].filter((key) => mayHave(claimant, key));
    const added = distinct.filter((key) => !claimant.claims.has(key)).length;
    if (claimant.claims.size + added > this.#limits.claimsPerConnection) return undefined;
    this.#requests += 1;
    const request = this.#requests;
    for (const key of distinct) this.#claim(claimant, key).begin(request);
    this.#reindex(connection, claimant, distinct);
    let settled = false;
    const settle = (accepted: boolean, { extraKeys = [], only, runId }: AcceptedAnswer = {}): void => {
      // A connection that went away took its claims along; a second answer changes nothing.
      if (settled || this.#claimants.get(connection) !== claimant) return;
      settled = true;
      for (const key of distinct) {
        const claim = claimant.claims.get(key);
        // Ended in between: an unsubscribe or a deletion overtook the answer.
        if (claim?.settle(request) && accepted && (!only || only.includes(key))) claim.accept(request, explicit);
      }
      this.#reindex(connection, claimant, distinct);
      if (!accepted) return;
      // A key of the request itself was settled above, and stays ended if it was ended in between.
      const others = extraKeys.filter((key) => !distinct.includes(key));
      this.#acceptExtra(connection, claimant, others, request, explicit);
      if (runId !== undefined) this.#ownRun(claimant, runId);
    };
    return {
      accept: (answer) => settle(true, answer),
      reject: () => settle(false),
    };
  }

  /** Ends one connection's claim, whatever it came from. */
  unclaim(connection: C, key: string): void {
    const claimant = this.#claimants.get(connection);
    if (!claimant?.claims.delete(key)) return;
    this.#count -= 1;
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
      const claimant = this.#claimants.get(connection);
      const claim = claimant?.claims.get(key);
      if (!claimant || !claim) continue;
      claim.end(asOf);
      this.#reindex(connection, claimant, [key]);
    }
  }

  /** The same for all sessions of an agent. */
  endAgent(agentId: string, asOf: number): void {
    const theirs = [...this.#keys.keys()].filter((key) => parseAgentSessionKey(key)?.agentId === agentId);
    for (const key of theirs) this.end(key, asOf);
  }

  /** Records whether a connection asked for the session roster. */
  setRoster(connection: C, wanted: boolean): void {
    const claimant = this.#claimants.get(connection);
    if (!claimant) return;
    claimant.roster = wanted;
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
    return this.#claimants.get(connection)?.claims.get(key)?.pending === true;
  }

  isExplicit(connection: C, key: string): boolean {
    return this.#claimants.get(connection)?.claims.get(key)?.explicit === true;
  }

  startedRun(connection: C, runId: string): boolean {
    return this.#claimants.get(connection)?.runs.has(runId) === true;
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
    const access = this.#claimants.get(connection)?.access;
    return access === undefined || keys.every((key) => access.allows(key));
  }

  /** Connections that may not have all sessions. Live. */
  get restricted(): ReadonlySet<C> {
    return this.#restricted;
  }

  has(connection: C): boolean {
    return this.#claimants.has(connection);
  }

  /** Canonical keys that a connection claims or waits for. */
  claimsOf(connection: C): readonly string[] {
    return [...(this.#claimants.get(connection)?.claims.keys() ?? [])];
  }

  /** Sessions with the number of connections that claim them, the most claimed first. For status. */
  mostClaimed(limit: number): { key: string; claimers: number }[] {
    const all = Array.from(this.#keys, ([key, { claimed }]) => ({ key, claimers: claimed.size }));
    return all.sort((a, b) => b.claimers - a.claimers).slice(0, limit);
  }

  /** Sizes, for status: all are zero again when the last connection has gone. */
  get size(): { connections: number; claims: number; sessions: number; roster: number; observers: number } {
    return {
      connections: this.#claimants.size,
      claims: this.#count,
      sessions: this.#keys.size,
      roster: this.#roster.size,
      observers: this.#observers.size,
    };
  }

  #claim(claimant: Claimant, key: string): Claim {
    let claim = claimant.claims.get(key);
    if (!claim) {
      claim = new Claim();
      claimant.claims.set(key, claim);
      this.#count += 1;
    }
    return claim;
  }

  #acceptExtra(connection: C, claimant: Claimant, keys: readonly string[], request: number, explicit: boolean): void {
    for (const key of keys) {
      if (!mayHave(claimant, key)) continue;
      // The gateway has already said yes; a full connection keeps what it has and gets no more.
      if (!claimant.claims.has(key) && claimant.claims.size >= this.#limits.claimsPerConnection) continue;
      this.#claim(claimant, key).accept(request, explicit);
    }
    this.#reindex(connection, claimant, keys);
  }

  #ownRun(claimant: Claimant, runId: string): void {
    claimant.runs.add(runId);
    if (claimant.runs.size > this.#limits.runsPerConnection) {
      const [oldest] = claimant.runs;
      claimant.runs.delete(oldest!);
    }
  }

  /** Brings the key index in line with a connection's claims on `keys`. */
  #reindex(connection: C, claimant: Claimant, keys: readonly string[]): void {
    for (const key of keys) {
      const claim = claimant.claims.get(key);
      this.#unlink(connection, key);
      if (!claim) continue;
      if (!claim.accepted && !claim.pending) {
        claimant.claims.delete(key);
        this.#count -= 1;
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

function mayHave({ access }: Claimant, key: string): boolean {
  return access === undefined || access.allows(key);
}
