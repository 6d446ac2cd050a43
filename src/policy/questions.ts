/**
 * Questions that an agent asks its user: the event that asks names the session; the event with the answer (2026.9:
 * `question.resolved`) names only the question.
 */
import { BoundedMap } from "./bounded-map.ts";
import { fieldsOrNone } from "./fields.ts";
import type { EventRoute } from "./session-event.ts";

/** Open questions remembered; the oldest is forgotten, and its answer then goes to nobody. */
const MAX_OPEN_QUESTIONS = 1_000;

export class Questions {
  readonly #routes = new BoundedMap<string, EventRoute>(MAX_OPEN_QUESTIONS);

  /**
   * The route of a question event, taken from the question itself if the event names no session.
   *
   * @param route what the event says by itself
   * @returns a route to nobody for the answer to an unknown question
   */
  route(event: string, payload: unknown, route: EventRoute): EventRoute {
    const { id } = fieldsOrNone(payload);
    if (typeof id !== "string") return route;
    if (event !== "question.resolved") {
      this.#routes.set(id, route);
      return route;
    }
    const asked = this.#routes.get(id);
    this.#routes.delete(id);
    // A key that was found in the answer's text says nothing about whose question it is.
    return route.to === "session" && !route.found ? route : (asked ?? { to: "nobody", reason: "no-key" });
  }

  /** The sessions of an open question, canonical; empty for an unknown one. */
  sessionsOf(id: unknown): readonly string[] {
    const route = typeof id === "string" ? this.#routes.get(id) : undefined;
    return route?.to === "session" ? route.keys : [];
  }
}

/** True for events that {@link Questions} routes. */
export function isQuestion(event: string): boolean {
  return event === "question.requested" || event === "question.resolved";
}
