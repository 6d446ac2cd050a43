/**
 * Requests that start a run and that the gateway has not answered yet. Releases may send the first frames of the run
 * before the answer, which alone names the run, and the session if the request named none.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import type { Changes } from "./changes.ts";
import { Keyed } from "./keyed.ts";

/** One such request. */
export interface Start<C> {
  /** The connection for which early frames are held: it asked, or its client came back with it. */
  connection: C | undefined;
  /** Canonical keys of the sessions that the request names, or the key that stands for all. */
  readonly places: readonly string[];
}

/** Stands for all sessions; no session has this key. */
const ANYWHERE = "";

export class Starts<C> {
  /** Those with a connection. */
  readonly #open = new Keyed<Start<C>>();
  readonly #unanswered = new WeakSet<Start<C>>();
  readonly #changes: Changes;

  constructor(changes: Changes) {
    this.#changes = changes;
  }

  /**
   * A connection has asked for a run.
   *
   * @param connection undefined if it has closed meanwhile, and its client is not back
   * @param keys canonical keys of the sessions that the request names; none if the gateway is to choose
   */
  begin(connection: C | undefined, keys: readonly string[]): Start<C> {
    const start: Start<C> = { connection: undefined, places: keys.length > 0 ? keys : [ANYWHERE] };
    this.#unanswered.add(start);
    if (connection !== undefined) this.give(start, connection);
    return start;
  }

  /** The gateway has answered, or never will. */
  end(start: Start<C>): void {
    this.#unanswered.delete(start);
    this.#take(start);
  }

  /** The client of a request is back: its frames are held for the new connection, unless it was answered meanwhile. */
  give(start: Start<C>, connection: C): void {
    if (!this.#unanswered.has(start)) return;
    this.#take(start);
    this.#changes.happened();
    start.connection = connection;
    this.#open.add(start.places, start);
  }

  /** Whether anybody has asked for a run that may turn out to be in this session. */
  concern(key: string): boolean {
    return this.#open.size > 0 && (this.#open.of(key).size > 0 || this.#open.of(ANYWHERE).size > 0);
  }

  /** Whether a connection has asked for a run in this session, by its key. */
  isIn(connection: C, key: string): boolean {
    for (const start of this.#open.of(key)) if (start.connection === connection) return true;
    return false;
  }

  /** Whether a connection has asked for a run in a session that the gateway is to choose. */
  isAnywhere(connection: C): boolean {
    return this.isIn(connection, ANYWHERE);
  }

  /** Connections whose run may turn out to be in one of these sessions. */
  *among(keys: readonly string[]): Generator<C> {
    if (this.#open.size === 0) return;
    for (const key of [...keys, ANYWHERE]) for (const { connection } of this.#open.of(key)) yield connection!;
  }

  /** A connection went away. @returns its requests: until {@link give}, no frames are held for them */
  disconnect(connection: C): Start<C>[] {
    const open = new Set([...this.#open.values()].flatMap((starts) => [...starts]));
    const theirs = [...open].filter((start) => start.connection === connection);
    for (const start of theirs) this.#take(start);
    return theirs;
  }

  #take(start: Start<C>): void {
    this.#changes.happened();
    this.#open.delete(start.places, start);
    start.connection = undefined;
  }
}
