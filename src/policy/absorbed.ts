/**
 * Messages that a run of their session absorbed: the run that the gateway starts next may answer them, and its id is
 * the gateway's.
 *
 * `C` is a connection, `R` a run; both are only ever compared.
 */
import type { Later } from "./later.ts";

/** Time after the end of a run that absorbed a message, for the gateway to answer that message. */
export const NEXT_MS = 60_000;

/** How many sessions with absorbed messages are kept; the oldest is forgotten. */
const MAX_SESSIONS = 1_000;

interface Queue<C, R> {
  readonly senders: Set<C>;
  /** How many messages may still get a run of their own. */
  count: number;
  behind: R;
}

export class Absorbed<C, R> {
  readonly #later: Later;
  readonly #queues = new Map<string, Queue<C, R>>();

  constructor(later: Later) {
    this.#later = later;
  }

  /** Sessions with absorbed messages. */
  get size(): number {
    return this.#queues.size;
  }

  /** A run has absorbed a message of these connections in the session with this canonical key. */
  add(key: string, run: R, senders: Iterable<C>): void {
    let queue = this.#queues.get(key);
    if (!queue || queue.behind !== run) {
      queue = { senders: new Set(), count: 0, behind: run };
      this.#queues.delete(key);
      this.#queues.set(key, queue);
      if (this.#queues.size > MAX_SESSIONS) {
        const [oldest] = this.#queues.keys();
        this.#queues.delete(oldest!);
      }
    }
    for (const sender of senders) queue.senders.add(sender);
    queue.count += 1;
  }

  /** The run that absorbed messages of a session; undefined if none did. */
  behind(key: string): R | undefined {
    return this.#queues.get(key)?.behind;
  }

  /**
   * A run begins that may answer one of the messages; further ones wait behind it.
   *
   * @returns the connections that sent them
   */
  next(key: string, run: R): readonly C[] {
    const queue = this.#queues.get(key);
    if (!queue) return [];
    queue.count -= 1;
    queue.behind = run;
    if (queue.count === 0) this.#queues.delete(key);
    return [...queue.senders];
  }

  /** A connection went away. */
  disconnect(connection: C): void {
    for (const queue of this.#queues.values()) queue.senders.delete(connection);
  }

  /** A run is forgotten: messages that no other run answers within {@link NEXT_MS} are too. */
  over(run: R): void {
    for (const [key, queue] of this.#queues) {
      if (queue.behind !== run) continue;
      this.#later(NEXT_MS, () => {
        if (this.#queues.get(key) === queue && queue.behind === run) this.#queues.delete(key);
      });
    }
  }
}
