/** Event outcomes, by event name and reason. Numbers only: no keys, no content. */
import type { DeliveryReason } from "./delivery.ts";

/** Reasons beyond a single delivery decision. */
export type CountReason =
  | DeliveryReason
  | "held-overflow"
  | "held-dropped"
  | "access-denied"
  /** A connection had too many claims, and its least recently used one was forgotten. */
  | "claim-forgotten"
  /** A connection got the claims of the client's last one back. */
  | "resumed"
  | SystemEventReason;

/** Outcomes of system events and their wakes. */
export type SystemEventReason =
  | "remapped"
  | "queue-overflow"
  | "wake-repeated"
  /** Went to the session that a wake or system event named. */
  | "targeted"
  /** Named an invalid session; nothing was enqueued. */
  | "target-refused"
  /** No heartbeat took it in time; it waits for the session's next message. */
  | "wake-unanswered"
  | "error";

/** Event names are upstream's, but a plugin may invent any number of them. */
const MAX_EVENT_NAMES = 256;
const OTHER = "(other)";

export class Counters {
  readonly #events = new Map<string, Map<CountReason, { n: number }>>();
  #chats: { n: number } | undefined;
  #agents: { n: number } | undefined;

  /** @returns the new count for this event and reason */
  count(event: string, reason: CountReason, by = 1): number {
    return (this.#cell(event, reason).n += by);
  }

  /** The same for an event that was delivered: nearly all are of two names, and their counts are kept at hand. */
  delivered(event: string): void {
    if (event === "chat") (this.#chats ??= this.#cell(event, "delivered")).n += 1;
    else if (event === "agent") (this.#agents ??= this.#cell(event, "delivered")).n += 1;
    else this.count(event, "delivered");
  }

  #cell(event: string, reason: CountReason): { n: number } {
    let counts = this.#events.get(event);
    if (!counts) {
      const name = this.#events.size < MAX_EVENT_NAMES ? event : OTHER;
      counts = this.#events.get(name) ?? new Map<CountReason, { n: number }>();
      this.#events.set(name, counts);
    }
    let cell = counts.get(reason);
    if (!cell) counts.set(reason, (cell = { n: 0 }));
    return cell;
  }

  /** A copy: `{chat: {delivered: 12, "no-claim": 3}}`. Events are counted, not frames. */
  snapshot(): Record<string, Partial<Record<CountReason, number>>> {
    return Object.fromEntries(
      [...this.#events].map(([event, counts]) => [
        event,
        Object.fromEntries([...counts].map(([reason, { n }]) => [reason, n])),
      ]),
    );
  }
}
