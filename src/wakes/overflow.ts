/**
 * Keeps the events of cron runs from filling their main session's queue: a full queue drops its oldest event, which
 * may be the session's own. Events that are too many wait here until the queue has been drained.
 */

/** A queue holds twenty: half of it stays free for the session's own events. */
const SHARE = 10;
const AGAIN_MS = 1_000;
/** In each queue. */
const MAX_HELD = 100;
const MAX_QUEUES = 256;

/** What the overflow needs of the queues. */
interface OverflowHost {
  /** How many events wait in a queue; 0 if the release does not show them. */
  length(queue: string): number;
  /** Whether a heartbeat is under way that may give back what it took out of a queue. */
  heartbeatOn(queue: string): boolean;
  /** The oldest event that waited here was dropped. */
  dropped(held: number): void;
  failed(): void;
}

export class Overflow {
  readonly #host: OverflowHost;
  readonly #held = new Map<string, (() => void)[]>();

  constructor(host: OverflowHost) {
    this.#host = host;
  }

  /**
   * Takes an event if its queue has no room for it.
   *
   * @param put puts the event into the queue, later
   * @returns whether the event waits here now
   */
  holds(queue: string, put: () => void): boolean {
    const held = this.#held.get(queue);
    if (!held) {
      if (this.#host.length(queue) < SHARE || this.#held.size >= MAX_QUEUES) return false;
      this.#held.set(queue, [put]);
      this.#putLater(queue);
      return true;
    }
    held.push(put);
    if (held.length > MAX_HELD) {
      held.shift();
      this.#host.dropped(MAX_HELD);
    }
    return true;
  }

  #putLater(queue: string): void {
    setTimeout(() => this.#put(queue), AGAIN_MS).unref();
  }

  #put(queue: string): void {
    const held = this.#held.get(queue)!;
    while (held.length > 0 && this.#hasRoom(queue)) {
      const put = held.shift()!;
      try {
        put();
      } catch {
        this.#host.failed();
      }
    }
    if (held.length > 0) this.#putLater(queue);
    else this.#held.delete(queue);
  }

  #hasRoom(queue: string): boolean {
    return !this.#host.heartbeatOn(queue) && this.#host.length(queue) < SHARE;
  }
}
