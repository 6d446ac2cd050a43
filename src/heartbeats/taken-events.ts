/** System events that left their queues for a prompt, and go back if no model gets it. */
import { type Fields, fieldsOrNone } from "../policy/fields.ts";

interface TakenEvent {
  readonly sessionKey: unknown;
  readonly event: unknown;
  /** Which copy of the module holds the queue. */
  readonly copy: number;
}

type Enqueue = (text: string, options: Fields) => unknown;
type Functions = (name: string) => readonly ((...args: never[]) => unknown)[];

/** Queues hold 20 events; a heartbeat may read them more than once. */
const MAX_TAKEN = 100;

export class TakenEvents {
  readonly #taken: TakenEvent[] = [];

  /** @param events what the release's function that takes them has returned */
  add(sessionKey: unknown, events: unknown, copy: number): void {
    if (!Array.isArray(events)) return;
    for (const event of events.slice(0, MAX_TAKEN - this.#taken.length)) this.#taken.push({ sessionKey, event, copy });
  }

  /**
   * Puts them back into their queues. Throws what the release throws for one of them, once the others are back.
   *
   * @param functions as the release's callers see them, so that what is put back is followed
   */
  giveBack(functions: Functions): void {
    const enqueue = functions("enqueueSystemEvent") as readonly Enqueue[];
    while (this.#taken.length > 0) {
      const { sessionKey, event, copy } = this.#taken.shift()!;
      const { text, contextKey, deliveryContext, trusted } = fieldsOrNone(event);
      if (typeof text !== "string") continue;
      const context = { contextKey, deliveryContext, trusted };
      const given = Object.entries(context).filter(([, value]) => value !== undefined && value !== null);
      try {
        (enqueue[copy] ?? enqueue.at(-1))?.(text, { sessionKey, ...Object.fromEntries(given) });
      } catch (error) {
        this.giveBack(functions);
        throw error;
      }
    }
  }
}
