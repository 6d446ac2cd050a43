/** Shows what waits in the release's queues of system events, without removing anything. */

type Fn = (...args: never[]) => unknown;

/** A system event as a queue holds it; releases that only give its text leave the rest undefined. */
export interface QueuedEvent {
  readonly id?: unknown;
  readonly text: unknown;
  readonly ts?: unknown;
  readonly contextKey?: unknown;
}

export class EventQueues {
  readonly #originals: (name: string) => readonly Fn[];

  /** @param originals the release's own functions of a name: `peekSystemEventEntries`, `peekSystemEvents` */
  constructor(originals: (name: string) => readonly Fn[]) {
    this.#originals = originals;
  }

  /**
   * The queues of one session key, one for each copy of the module that the release ships.
   *
   * @returns an empty list if the release cannot show them; throws what the release throws for a key that it refuses
   */
  of(sessionKey: string): readonly (readonly QueuedEvent[])[] {
    return this.#peeks().map((peek) =>
      peek(sessionKey).map((event) =>
        typeof event === "object" && event !== null ? (event as QueuedEvent) : { text: event },
      ),
    );
  }

  /** Texts that wait for a session; undefined if the release cannot show them. Throws as {@link of}. */
  waiting(sessionKey: string): readonly string[] | undefined {
    const queues = this.of(sessionKey);
    return queues.length === 0 ? undefined : queues.flatMap((events) => events.map(({ text }) => String(text)));
  }

  #peeks(): readonly ((sessionKey: string) => unknown[])[] {
    const entries = this.#originals("peekSystemEventEntries");
    return (entries.length > 0 ? entries : this.#originals("peekSystemEvents")) as never;
  }
}
