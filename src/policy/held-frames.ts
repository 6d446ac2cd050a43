/**
 * Frames that came before the gateway's answer to the request that claims their session: kept
 * per connection, in order and bounded, until the answer says whether they may be delivered.
 */
import type { Verdict } from "./delivery.ts";

export class HeldFrames<C, F> {
  readonly #limit: number;
  readonly #queues = new Map<C, F[]>();

  /** @param limit frames kept for one connection; the oldest is dropped for the newest */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Keeps a frame.
   *
   * @returns how many frames were dropped to make room: 0 or 1
   */
  hold(connection: C, frame: F): number {
    let queue = this.#queues.get(connection);
    if (!queue) this.#queues.set(connection, (queue = []));
    queue.push(frame);
    if (queue.length <= this.#limit) return 0;
    queue.shift();
    return 1;
  }

  /**
   * Decides about a connection's frames again, after one of its requests was answered.
   *
   * @returns the frames to deliver now, in the order they came, and the number dropped
   */
  review(connection: C, judge: (frame: F) => Verdict): { deliver: F[]; dropped: number } {
    const queue = this.#queues.get(connection);
    if (!queue) return { deliver: [], dropped: 0 };
    const deliver: F[] = [];
    const keep: F[] = [];
    for (const frame of queue) {
      const verdict = judge(frame);
      if (verdict === "deliver") deliver.push(frame);
      else if (verdict === "hold") keep.push(frame);
    }
    if (keep.length > 0) this.#queues.set(connection, keep);
    else this.#queues.delete(connection);
    return { deliver, dropped: queue.length - deliver.length - keep.length };
  }

  /** Drops the frames held for a closed connection. */
  forget(connection: C): void {
    this.#queues.delete(connection);
  }

  /** Frames held now, over all connections. */
  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.length;
    return size;
  }
}
