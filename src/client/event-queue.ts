/** A bounded queue between one writer and one reader. */

/** What the writer and the reader of a stream share. */
export interface EventQueue<T> {
  /** Adds an event. False if the queue is full, or closed: then it was not added. */
  push(event: T): boolean;
  /** Adds the last event, whatever the bound says, and ends the queue. */
  end(last?: T): void;
  /** Throws away what waits and everything to come, except the last event. */
  discard(): void;
  /** The next event; undefined once the queue has ended and is empty. */
  next(): Promise<T | undefined>;
  /** The same, as an iterator gives it. */
  take(): Promise<IteratorResult<T, undefined>>;
}

/** Makes a queue for at most `limit` waiting events. */
export function createEventQueue<T>(limit: number): EventQueue<T> {
  let waiting: T[] = [];
  /** Index of the first event that was not read: shifting an array is slow when it is long. */
  let head = 0;
  let ended = false;
  let taken = false;
  let discarding = false;
  const readers: ((result: IteratorResult<T, undefined>) => void)[] = [];
  const over: IteratorResult<T, undefined> = { done: true, value: undefined };

  function deliver(event: T): void {
    const reader = readers.shift();
    if (reader) reader({ done: false, value: event });
    else waiting.push(event);
  }

  function take(): Promise<IteratorResult<T, undefined>> {
    taken = true;
    if (head < waiting.length) {
      const value = waiting[head]!;
      head += 1;
      if (head === waiting.length) {
        waiting = [];
        head = 0;
      } else if (head > 1024 && head * 2 > waiting.length) {
        waiting = waiting.slice(head);
        head = 0;
      }
      return Promise.resolve({ done: false, value });
    }
    if (ended) return Promise.resolve(over);
    return new Promise((resolve) => readers.push(resolve));
  }

  return {
    push(event) {
      if (ended) return false;
      if (discarding && !taken) return true;
      if (readers.length === 0 && waiting.length - head >= limit) return false;
      deliver(event);
      return true;
    },
    end(last) {
      if (ended) return;
      if (last !== undefined) deliver(last);
      ended = true;
      for (const reader of readers.splice(0)) reader(over);
    },
    discard() {
      if (taken) return;
      discarding = true;
      waiting = [];
      head = 0;
    },
    take,
    next: async () => (await take()).value,
  };
}
