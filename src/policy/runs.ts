/**
 * Which connection started which run: the frames of a run go to it until the run ends, whether or not it still claims
 * the session.
 *
 * A client often chooses a run's id, and others can guess it. So a run belongs to the connection that started it in
 * the sessions that the request named; an event with that id in another session does not belong to the run.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import { Absorbed } from "./absorbed.ts";
import { Changes } from "./changes.ts";
import { FewSet } from "./few-set.ts";
import type { Fields } from "./fields.ts";
import { Keyed } from "./keyed.ts";
import { type Later, NEVER } from "./later.ts";
import { isAmong, meet, type Run } from "./run.ts";
import { isWord, type RunSign, runSign } from "./run-sign.ts";

/** Time after the last event in which late ones arrive, such as the agent's own end after an abort. */
export const TAIL_MS = 10_000;
/** Time after the agent's end for its answer, or for another attempt after an error. */
export const ANSWER_MS = 600_000;

/** How many runs without an owner are kept for a client that comes back or asks for them; the oldest is forgotten. */
const MAX_ORPHANS = 4_096;
/** Ids of runs that connections wait for without having them, and connections for each. */
const MAX_AWAITED = 1_024;
const MAX_WAITING = 64;

/** A connection that asks for a run. Its frames are held until the first call. */
export interface RunQuestion<C> {
  /**
   * The gateway lets the connection wait for the run. The connection gets it now or while it waits, once the one that
   * started it is the same client or has gone, which may be noticed late.
   *
   * @param isSame whether an owner of the run is the same client as the connection
   */
  accept(isSame: IsSame<C>): void;
  /** The gateway has answered: what the connection has not got by now it does not get. */
  answered(): void;
  reject(): void;
}

type IsSame<C> = (owner: C) => boolean;

interface Entry<C> extends Run<C> {
  keys: readonly string[];
  readonly owners: FewSet<C>;
  waiting: Map<C, number> | undefined;
  /** It may be of another session than its request named, or of one that it did not name. */
  homeless: boolean;
  /** An agent works on it: no other run absorbed it. */
  began: boolean;
  over: boolean;
  /** Cancels its scheduled end. */
  spare: () => void;
}

const NOBODY: Iterable<never> = [];
const NO_END = (): void => {};

export class Runs<C> {
  /** The claims count theirs here, too. */
  readonly changes = new Changes();
  readonly #limit: number;
  readonly #later: Later;
  readonly #gained: (connection: C) => void;
  readonly #runs = new Map<string, Entry<C>>();
  readonly #on = new Keyed<Entry<C>>();
  readonly #owned = new Map<C, FewSet<Entry<C>>>();
  readonly #orphans = new Set<Entry<C>>();
  /** Connections that may have a run once its owner has gone, by its id. Nearly always empty. */
  readonly #awaited = new Map<string, Map<C, IsSame<C>>>();
  readonly #absorbed: Absorbed<C, Entry<C>>;

  /**
   * @param limit runs of one connection at a time; the oldest is forgotten
   * @param gained called when a connection has got a run that it waits for: frames held for it must be sent first
   */
  constructor(limit: number, later: Later = NEVER, gained: (connection: C) => void = NO_END) {
    this.#limit = limit;
    this.#later = later;
    this.#gained = gained;
    this.#absorbed = new Absorbed(later);
  }

  /**
   * The gateway has started a run for a connection, or reports that it already runs.
   *
   * @param owner undefined if it has closed meanwhile
   * @param keys canonical keys of the sessions that the request named, or the answer
   * @param fresh the gateway has started the run just now
   * @returns the run, unless it is another connection's and the request named another session
   */
  own(owner: C | undefined, id: string, keys: readonly string[], fresh: boolean): Run<C> | undefined {
    let run = this.#runs.get(id);
    if (!run || !meet(run.keys, keys)) {
      if (run && !fresh) return undefined;
      const homeless = fresh && !run;
      if (run) this.#forget(run);
      if (keys.length === 0 && !homeless) return undefined;
      run = this.#add(id, keys, homeless);
    }
    this.#give(run, owner);
    return run;
  }

  /** The result of a run that was started in one of these sessions has come: no more events may follow. */
  ranOut(id: string, keys: readonly string[]): void {
    const run = this.#runs.get(id);
    if (!run || run.over || !meet(run.keys, keys)) return;
    run.over = true;
    this.#endsIn(run, TAIL_MS);
  }

  /** A connection resumes a run that its client had before, if it has not ended. */
  resume(connection: C, run: Run<C>): void {
    const known = this.#runs.get(run.id);
    if (known === run) this.#give(known, connection);
  }

  /**
   * A connection asks for a run, and waits for the gateway's answer. The run may start later: the gateway may not have
   * handled its message yet.
   */
  ask(connection: C, id: string): RunQuestion<C> {
    const known = this.#runs.get(id);
    const release = known ? this.#holdFor(connection, known) : NO_END;
    let rejected = false;
    const leave = (): void => {
      this.#awaited.get(id)?.delete(connection);
      if (this.#awaited.get(id)?.size === 0) this.#awaited.delete(id);
    };
    return {
      accept: (isSame) => {
        release();
        // Another run may have got the id meanwhile: that is not the one that was asked for.
        if (rejected || (known && this.#runs.get(id) !== known)) return;
        this.#await(connection, id, isSame);
      },
      answered: leave,
      reject: () => {
        rejected = true;
        release();
        leave();
      },
    };
  }

  #await(connection: C, id: string, isSame: IsSame<C>): void {
    let waiting = this.#awaited.get(id);
    if (!waiting) {
      if (this.#awaited.size >= MAX_AWAITED) this.#awaited.delete(this.#awaited.keys().next().value!);
      this.#awaited.set(id, (waiting = new Map<C, IsSame<C>>()));
    }
    if (waiting.size < MAX_WAITING) waiting.set(connection, isSame);
    const run = this.#runs.get(id);
    if (run) this.#toWaiting(run);
  }

  /** Gives a run to those who wait for it, if its owner is the same client or has gone. */
  #toWaiting(run: Entry<C>): void {
    const waiting = this.#awaited.get(run.id);
    if (!waiting) return;
    const owners = [...run.owners];
    for (const [connection, isSame] of waiting) {
      if (owners.length > 0 && !owners.some(isSame)) continue;
      waiting.delete(connection);
      this.#give(run, connection);
      this.#gained(connection);
    }
    if (waiting.size === 0) this.#awaited.delete(run.id);
  }

  /** A connection went away. @returns the runs that it had, the oldest first */
  disconnect(connection: C): Run<C>[] {
    for (const [id, waiting] of this.#awaited) {
      if (waiting.delete(connection) && waiting.size === 0) this.#awaited.delete(id);
    }
    const owned = [...(this.#owned.get(connection) ?? [])];
    for (const run of owned) this.#take(run, connection);
    this.#absorbed.disconnect(connection);
    return owned;
  }

  /** The run of an event, if it is known and of one of these sessions. */
  of(id: string | undefined, keys: readonly string[]): Run<C> | undefined {
    const run = id === undefined ? undefined : this.#runs.get(id);
    return run && meet(run.keys, keys) ? run : undefined;
  }

  /**
   * Whether an event of a run is one of the many in its midst, and goes to none but those who claim its one session:
   * {@link saw} would change nothing, and {@link of} add nobody.
   */
  isPlain(
    id: string,
    key: string,
    event: string,
    payload: Fields,
    claimers: { has(connection: C): boolean } | undefined,
  ): boolean {
    const run = this.#runs.get(id);
    if (!run) return this.#absorbed.size === 0;
    if (!run.began || run.homeless || !isWord(event, payload)) return false;
    return !run.keys.includes(key) || isAmong(run, claimers);
  }

  has(connection: C, id: string): boolean {
    return this.#runs.get(id)?.owners.has(connection) === true;
  }

  /** Whether a connection has a run in this session that has not ended. */
  hasOn(connection: C, key: string): boolean {
    for (const { owners } of this.#on.of(key)) if (owners.has(connection)) return true;
    return false;
  }

  /** Connections that have a run in this session that has not ended; one may come several times. */
  *ownersOn(key: string): Generator<C> {
    for (const { owners } of this.#on.of(key)) yield* owners;
  }

  /** Canonical key of the session that a run was started in. */
  sessionOf(id: string): string | undefined {
    return this.#runs.get(id)?.keys[0];
  }

  /**
   * An event of a run in some sessions is about to go out.
   *
   * @returns connections that gain the run: frames held for them must be sent first
   */
  saw(id: string, keys: readonly string[], event: string, payload: unknown): Iterable<C> {
    let run = this.#runs.get(id);
    if (!run && this.#absorbed.size === 0) return NOBODY;
    // Nearly every event of a run is in its middle and changes nothing.
    if (run?.began && !run.homeless && isWord(event, payload as Fields)) return NOBODY;
    this.changes.happened();
    const sign = runSign(event, payload);
    let gained: Iterable<C> = NOBODY;
    if (!run) {
      run = this.#next(id, keys[0], sign);
      if (!run) return NOBODY;
      gained = run.owners;
    }
    if (!meet(run.keys, keys)) {
      if (!run.homeless) return NOBODY;
      this.#on.delete(run.keys, run);
      run.keys = keys;
      this.#on.add(keys, run);
      gained = run.owners;
    }
    run.homeless = false;
    if (event === "agent") run.began = true;
    if (sign === "running") return gained;
    if (sign === "answered-empty" && !run.began && !run.over) gained = this.#takenIn(run, keys[0]!) ?? gained;
    if (sign === "begins") this.#goesOn(run);
    else {
      run.over ||= sign !== "ends";
      this.#endsIn(run, run.over ? TAIL_MS : ANSWER_MS);
    }
    return gained;
  }

  /** Runs that have not ended. */
  get size(): number {
    return this.#runs.size;
  }

  /** The run that answers an absorbed message has an id that the gateway chose. */
  #next(id: string, key: string | undefined, sign: RunSign): Entry<C> | undefined {
    const behind = key === undefined ? undefined : this.#absorbed.behind(key);
    if (!behind || sign !== "begins") return undefined;
    if (this.#runs.get(behind.id) === behind && !behind.over) return undefined;
    const run = this.#add(id, [key!], false);
    const senders = this.#absorbed.next(key!, run);
    for (const sender of senders) this.#give(run, sender);
    if (senders.length === 0) this.#give(run, undefined);
    return run;
  }

  /** A message got an empty answer: if another run of its session is active, that run or the next has the answer. */
  #takenIn(message: Entry<C>, key: string): readonly C[] | undefined {
    let other: Entry<C> | undefined;
    for (const run of this.#runs.values()) {
      if (run === message || run.over || !run.keys.includes(key)) continue;
      // The run that an agent works on; others wait as this one did.
      if (!other || run.began) other = run;
    }
    if (!other) return undefined;
    const senders = [...message.owners];
    for (const sender of senders) this.#give(other, sender);
    this.#absorbed.add(key, other, senders);
    return senders;
  }

  #add(id: string, keys: readonly string[], homeless: boolean): Entry<C> {
    const run: Entry<C> = {
      id,
      keys,
      owners: new FewSet(),
      waiting: undefined,
      homeless,
      began: false,
      over: false,
      spare: NO_END,
    };
    this.changes.happened();
    this.#runs.set(id, run);
    this.#on.add(keys, run);
    return run;
  }

  #give(run: Entry<C>, owner: C | undefined): void {
    this.changes.happened();
    if (owner === undefined) {
      if (run.owners.size === 0) this.#orphan(run);
    } else {
      run.owners.add(owner);
      this.#orphans.delete(run);
      let owned = this.#owned.get(owner);
      if (!owned) this.#owned.set(owner, (owned = new FewSet()));
      owned.add(run);
      const [oldest] = owned;
      if (owned.size > this.#limit) this.#take(oldest!, owner);
    }
    this.#toWaiting(run);
  }

  #take(run: Entry<C>, owner: C): void {
    this.changes.happened();
    run.owners.delete(owner);
    const owned = this.#owned.get(owner);
    owned?.delete(run);
    if (owned?.size === 0) this.#owned.delete(owner);
    if (run.owners.size > 0 || this.#runs.get(run.id) !== run) return;
    this.#orphan(run);
    this.#toWaiting(run);
  }

  #orphan(run: Entry<C>): void {
    this.#orphans.add(run);
    if (this.#orphans.size <= MAX_ORPHANS) return;
    const [oldest] = this.#orphans;
    this.#forget(oldest!);
  }

  #goesOn(run: Entry<C>): void {
    run.spare();
    run.spare = NO_END;
  }

  #endsIn(run: Entry<C>, ms: number): void {
    run.spare();
    run.spare = this.#later(ms, () => this.#forget(run));
  }

  #forget(run: Entry<C>): void {
    this.changes.happened();
    run.spare();
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id);
    this.#on.delete(run.keys, run);
    this.#orphans.delete(run);
    this.#awaited.delete(run.id);
    for (const owner of run.owners) this.#take(run, owner);
    this.#absorbed.over(run);
  }

  /** Has a run's frames held for a connection, until the returned function is called. */
  #holdFor(connection: C, run: Entry<C>): () => void {
    const waiting = (run.waiting ??= new Map<C, number>());
    const hold = (times: number): void => {
      this.changes.happened();
      const all = (waiting.get(connection) ?? 0) + times;
      if (all > 0) waiting.set(connection, all);
      else waiting.delete(connection);
    };
    hold(1);
    let held = true;
    return () => {
      if (held) hold(-1);
      held = false;
    };
  }
}
