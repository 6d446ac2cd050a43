/**
 * Which connection claims which session, and which claims outlive the connection.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import type { Changes } from "./changes.ts";
import type { Claim } from "./claim.ts";
import type { AcceptedAnswer, PendingClaim } from "./claim-answer.ts";
import { type Claimers, ClaimIndex } from "./claim-index.ts";
import { type ClaimAccess, Claimant } from "./claimant.ts";
import { Heirs } from "./heirs.ts";
import { NEVER } from "./later.ts";
import { type Left, Parked } from "./parked.ts";
import { type RunQuestion, Runs } from "./runs.ts";
import { parseAgentSessionKey } from "./session-key.ts";
import { Starts } from "./starts.ts";

export interface ClaimLimits {
  /** Sessions that one connection may claim at a time; beyond that, the least recently used claim is forgotten. */
  readonly claimsPerConnection: number;
  /** Runs that one connection has started and that have not ended; the oldest is forgotten. */
  readonly runsPerConnection: number;
}

/** The state that is kept next to claims, and callbacks. */
export interface ClaimsHost<C> {
  readonly runs?: Runs<C>;
  readonly parked?: Parked<C>;
  /** A claim was forgotten to make room. */
  forgotten?(): void;
}

/** Numbers for the status. */
export interface ClaimSizes {
  readonly connections: number;
  readonly claims: number;
  readonly sessions: number;
  readonly roster: number;
  readonly observers: number;
  /** Runs that have not ended, or ended recently. */
  readonly runs: number;
  /** Closed connections whose clients may come back. */
  readonly resumable: number;
}

export type { AcceptedAnswer, ClaimAccess, Claimers, PendingClaim };

const NONE: ReadonlySet<never> = new Set();

/** The last request that has begun, in the whole process: claims outlive a restart of the gateway in it. */
let requests = 0;

export class Claims<C> {
  /** Which connection started which run. */
  readonly runs: Runs<C>;
  /** Which connection waits for the answer to a request that starts a run. */
  readonly starts: Starts<C>;
  /** Of all that decides who gets an event. */
  readonly changes: Changes;
  /** Which connection has what a closed one left. */
  readonly heirs: Heirs<C>;
  readonly #limits: ClaimLimits;
  readonly #parked: Parked<C>;
  readonly #forgotten: () => void;
  readonly #claimants = new Map<C, Claimant<C>>();
  readonly #index: ClaimIndex<C>;
  readonly #roster = new Set<C>();
  readonly #observers = new Set<C>();
  /** Connections that may not have all sessions. */
  readonly #restricted = new Set<C>();
  #count = 0;

  constructor(limits: ClaimLimits, host: ClaimsHost<C> = {}) {
    this.#limits = limits;
    this.runs = host.runs ?? new Runs(limits.runsPerConnection);
    this.changes = this.runs.changes;
    this.starts = new Starts(this.changes);
    this.#index = new ClaimIndex(this.changes);
    this.#parked = host.parked ?? new Parked(NEVER);
    this.heirs = new Heirs({
      runs: this.runs,
      starts: this.starts,
      isOpen: (connection, claimant) => this.#claimants.get(connection) === claimant,
    });
    this.#forgotten = host.forgotten?.bind(host) ?? (() => {});
  }

  /** Starts tracking a connection. A second call for the same one changes nothing. */
  connect(
    connection: C,
    options: { readonly observer?: boolean; readonly access?: ClaimAccess | undefined } = {},
  ): void {
    if (this.#claimants.has(connection)) return;
    this.#claimants.set(connection, new Claimant<C>());
    this.entitle(connection, options.access, options.observer === true);
  }

  /**
   * Sets what a connection may have. Claims on sessions that it may no longer have end at once, including those that
   * wait for an answer.
   */
  entitle(connection: C, access: ClaimAccess | undefined, observer: boolean): void {
    const claimant = this.#claimants.get(connection);
    if (!claimant) return;
    this.changes.happened();
    claimant.access = access;
    if (observer) this.#observers.add(connection);
    else this.#observers.delete(connection);
    if (!access) return void this.#restricted.delete(connection);
    this.#restricted.add(connection);
    for (const key of claimant.keys()) if (!access.allows(key)) this.unclaim(connection, key);
  }

  /**
   * Forgets a connection and all that it claimed.
   *
   * @param park the identity for which its claims are kept, and for how long; by default they are not kept
   * @returns what is kept
   */
  disconnect(connection: C, park?: { readonly identity: string; readonly ms: number }): Left<C> | undefined {
    const claimant = this.#claimants.get(connection);
    if (!claimant) return undefined;
    this.changes.happened();
    for (const { key } of claimant.claims()) this.#index.remove(connection, key);
    this.#count -= claimant.size;
    this.#claimants.delete(connection);
    this.#roster.delete(connection);
    this.#observers.delete(connection);
    this.#restricted.delete(connection);
    const starts = this.starts.disconnect(connection);
    const runs = this.runs.disconnect(connection);
    if (!park || park.ms === 0) return undefined;
    const accepted = [...claimant.claims()].filter((claim) => claim.accepted);
    const left: Left<C> = { claims: new Map(accepted.map((claim) => [claim.key, claim])), runs, starts };
    claimant.left = left;
    // Also if it leaves nothing yet: an answer may still come.
    if (claimant.size > 0 || runs.length > 0 || starts.length > 0 || claimant.resumed)
      this.#parked.park(park.identity, left, park.ms);
    return left;
  }

  /**
   * Gives a connection the kept claims of the last one of the same client, as far as it may have them.
   *
   * @param unique whether no two programs have this identity: otherwise nothing is resumed if several have gone
   * @returns whether there was something
   */
  resume(connection: C, identity: string, unique = true): boolean {
    const claimant = this.#claimants.get(connection);
    const left = claimant && this.#parked.take(identity, unique);
    if (!left) return false;
    this.heirs.add(left, connection, claimant);
    claimant.resumed = true;
    const keys = [...left.claims.keys()].filter((key) => claimant.mayHave(key));
    for (const key of keys) this.#use(claimant, key).inherit(left.claims.get(key)!);
    this.#reindex(connection, claimant, keys);
    this.#makeRoom(connection, claimant, keys);
    for (const run of left.runs) this.runs.resume(connection, run);
    for (const start of left.starts) this.starts.give(start, connection);
    return true;
  }

  /**
   * Begins claims that count once the gateway has accepted the request.
   *
   * @param keys canonical session keys; those that the connection may not have are left out
   * @param explicit the request asks for the sessions' events in so many words
   * @param startsRun the answer may name a run, and without keys also its session: leaving a session before the answer
   *   gives up the claim, not the run
   * @returns undefined if the connection is unknown, or would explicitly claim more than its limit: nothing changed then
   */
  begin(connection: C, keys: readonly string[], explicit = false, startsRun = false): PendingClaim | undefined {
    const claimant = this.#claimants.get(connection);
    if (!claimant) return undefined;
    const distinct = [...new Set(keys)].filter((key) => claimant.mayHave(key));
    if (explicit && !claimant.maySubscribe(distinct, this.#limits.claimsPerConnection)) return undefined;
    requests += 1;
    const request = requests;
    for (const key of distinct) this.#use(claimant, key).begin(request, explicit);
    this.#reindex(connection, claimant, distinct);
    const starts = startsRun && (keys.length === 0 || distinct.length > 0);
    const start = starts ? this.starts.begin(connection, distinct) : undefined;
    let settled = false;
    const settle = (accepted: boolean, { extraKeys = [], only, run }: AcceptedAnswer = {}): void => {
      if (settled) return;
      settled = true;
      const here = this.#claimants.get(connection) === claimant;
      const keysOfRun = [...distinct, ...extraKeys];
      if (accepted && run && here) this.runs.own(connection, run.id, keysOfRun, run.fresh);
      else if (accepted && run) this.heirs.started(claimant.left, run, keysOfRun);
      // Not earlier: a run that the connection also waited for has its held frames judged at once.
      if (start) this.starts.end(start);
      // The claims of a closed connection are gone.
      if (!here) return;
      for (const key of distinct) {
        const claim = claimant.claim(key);
        // Ended meanwhile: an unsubscribe or a deletion overtook the answer.
        if (claim?.settle(request) && accepted && (!only || only.includes(key))) claim.accept(request, explicit);
      }
      this.#reindex(connection, claimant, distinct);
      // A key of the request itself was settled above, and stays ended if it was ended meanwhile.
      const others = accepted ? extraKeys.filter((key) => !distinct.includes(key) && claimant.mayHave(key)) : [];
      for (const key of others) this.#use(claimant, key).accept(request, explicit);
      this.#reindex(connection, claimant, others);
      this.#makeRoom(connection, claimant, [...distinct, ...others]);
    };
    return {
      accept: (answer) => settle(true, answer),
      reject: () => settle(false),
    };
  }

  /**
   * A connection asks for a run that it did not start itself, or that the client's last connection started.
   *
   * @returns undefined if the connection is unknown
   */
  askForRun(connection: C, id: string): RunQuestion<C> | undefined {
    const claimant = this.#claimants.get(connection);
    if (!claimant) return undefined;
    const asks = this.runs.ask(connection, id);
    return {
      ...asks,
      accept: (isSame) => (this.#claimants.get(connection) === claimant ? asks.accept(isSame) : asks.reject()),
    };
  }

  /** Ends one connection's claim, whatever its origin. */
  unclaim(connection: C, key: string): void {
    this.#endUntil(connection, key, requests);
  }

  /**
   * The same for a connection that has closed: its client does not get the claim back.
   *
   * @param left of {@link disconnect}
   */
  giveUp(left: Left<C>, key: string): void {
    const { latest, heir } = this.heirs.lineOf(left);
    if (heir === undefined) this.#parked.leave(latest, key);
    else this.#endUntil(heir, key, latest.claims.get(key)?.asOf ?? 0);
  }

  #endUntil(connection: C, key: string, request: number): void {
    const claimant = this.#claimants.get(connection);
    const claim = claimant?.claim(key);
    if (!claimant || !claim) return;
    claim.end(request);
    this.#reindex(connection, claimant, [key]);
  }

  /** The last request that has begun, for {@link end}. */
  get now(): number {
    return requests;
  }

  /**
   * Ends everybody's claims on a session: it was deleted.
   *
   * @param asOf the deletion's own number: connections that asked for the session after it keep it
   */
  end(key: string, asOf: number = requests): void {
    this.#parked.end(key);
    const entry = this.#index.on(key);
    if (!entry) return;
    for (const connection of [...entry, ...entry.pending]) {
      const claimant = this.#claimants.get(connection);
      if (!claimant) continue;
      claimant.claim(key)?.end(asOf);
      this.#reindex(connection, claimant, [key]);
    }
  }

  /** The same for all sessions of an agent. */
  endAgent(agentId: string, asOf: number): void {
    this.#parked.endAgent(agentId);
    const theirs = [...this.#index.keys()].filter((key) => parseAgentSessionKey(key)?.agentId === agentId);
    for (const key of theirs) this.end(key, asOf);
  }

  /** Records whether a connection asked for the session roster. */
  setRoster(connection: C, wanted: boolean): void {
    if (wanted && this.#claimants.has(connection)) this.#roster.add(connection);
    else this.#roster.delete(connection);
  }

  /** {@link claimed} and {@link pending} in one look-up; undefined if nobody claims the session. Live. */
  on(key: string): Claimers<C> | undefined {
    return this.#index.on(key);
  }

  /** Connections with an accepted claim on a canonical key. Live: copy before changing claims. */
  claimed(key: string): Pick<ReadonlySet<C>, "has" | "size"> & Iterable<C> {
    return this.#index.on(key) ?? NONE;
  }

  /** Whether a connection has an accepted claim on a canonical key. */
  isClaimed(connection: C, key: string): boolean {
    return this.#index.on(key)?.has(connection) === true;
  }

  /** Connections whose only claim on a canonical key still waits for the gateway's answer. */
  pending(key: string): ReadonlySet<C> {
    return this.#index.on(key)?.pending ?? NONE;
  }

  /** True while the gateway owes this connection an answer to a request on the session. */
  isPending(connection: C, key: string): boolean {
    return this.#claimants.get(connection)?.claim(key)?.pending === true;
  }

  isExplicit(connection: C, key: string): boolean {
    return this.#claimants.get(connection)?.claim(key)?.explicit === true;
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
    const claimant = this.#claimants.get(connection);
    return claimant === undefined || keys.every((key) => claimant.mayHave(key));
  }

  /** The access of a connection; undefined for all sessions. */
  accessOf(connection: C): ClaimAccess | undefined {
    return this.#claimants.get(connection)?.access;
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
    return this.#claimants.get(connection)?.keys() ?? [];
  }

  /** Events that went to a connection as one of all claimers of their session. */
  delivered(connection: C): number {
    const claimant = this.#claimants.get(connection);
    if (!claimant) return 0;
    let { delivered } = claimant;
    for (const claim of claimant.claims()) {
      if (claim.accepted) delivered += (this.#index.on(claim.key)?.published ?? claim.since) - claim.since;
    }
    return delivered;
  }

  /** Sessions with the number of connections that claim them, the most claimed first. For status. */
  mostClaimed(limit: number): { key: string; claimers: number }[] {
    return this.#index.mostClaimed(limit);
  }

  /** Sizes, for status: when the last connection has gone all are zero again, the last two after a while. */
  get size(): ClaimSizes {
    return {
      connections: this.#claimants.size,
      claims: this.#count,
      sessions: this.#index.size,
      roster: this.#roster.size,
      observers: this.#observers.size,
      runs: this.runs.size,
      resumable: this.#parked.size,
    };
  }

  #use(claimant: Claimant<C>, key: string): Claim {
    if (!claimant.claim(key)) this.#count += 1;
    return claimant.use(key);
  }

  /**
   * @param latest the key to forget if all others were subscribed explicitly: the answer named more keys than the
   *   request
   */
  #makeRoom(connection: C, claimant: Claimant<C>, latest: string[] = []): void {
    while (claimant.accepted > this.#limits.claimsPerConnection) {
      const key = claimant.leastUsed() ?? latest.pop();
      if (key === undefined) return;
      this.unclaim(connection, key);
      this.#forgotten();
    }
  }

  /** Updates the index to a connection's claims on `keys`. */
  #reindex(connection: C, claimant: Claimant<C>, keys: readonly string[]): void {
    for (const key of keys) {
      const claim = claimant.claim(key);
      if (!claim) continue;
      const published = this.#index.on(key)?.published ?? 0;
      const was = this.isClaimed(connection, key);
      this.#index.enter(connection, key, claim);
      if (claim.accepted && !was) {
        claimant.accepted += 1;
        claim.since = published;
      }
      if (was && !claim.accepted) {
        claimant.accepted -= 1;
        claimant.delivered += published - claim.since;
      }
      if (claim.accepted || claim.pending) continue;
      claimant.delete(key);
      this.#count -= 1;
    }
  }
}
