/**
 * Requests that start a run and that the gateway has not answered yet. Releases may send the first frames of the run
 * before the answer, which alone names the run, and the session if the request named none.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import { Keyed } from "./keyed.ts";

interface Start<C> {
  readonly connection: C;
  readonly places: readonly string[];
}

/** Stands for all sessions; no session has this key. */
const ANYWHERE = "";

export class Starts<C> {
  readonly #open = new Keyed<Start<C>>();

  /**
   * A connection has asked for a run.
   *
   * @param keys canonical keys of the sessions that the request names; none if the gateway is to choose
   * @returns call it when the gateway has answered, or never will
   */
  begin(connection: C, keys: readonly string[]): () => void {
    const start: Start<C> = { connection, places: keys.length > 0 ? keys : [ANYWHERE] };
    this.#open.add(start.places, start);
    return () => this.#open.delete(start.places, start);
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
    for (const key of [...keys, ANYWHERE]) for (const { connection } of this.#open.of(key)) yield connection;
  }

  /** A connection went away: its answers bring no frames to it. */
  disconnect(connection: C): void {
    const theirs = [...this.#open.values()].flatMap((starts) => [...starts]);
    for (const start of theirs) if (start.connection === connection) this.#open.delete(start.places, start);
  }
}
