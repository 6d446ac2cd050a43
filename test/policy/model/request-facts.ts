/** The unanswered requests of a connection to the naive gateway. */
import type { SessionRoute } from "../../../src/policy/session-event.ts";
import type { Connection, Left, Request } from "./facts.ts";
import { shares } from "./run-facts.ts";
import type { Intent } from "./world.ts";

/** Sessions whose claims wait for an answer. */
export function waitingFor(connection: Connection, requests: Iterable<Request>): string[] {
  return [...requests].filter((each) => each.connection === connection).flatMap(({ waiting }) => waiting);
}

/** Those of them that the connection asks for in so many words. */
export function subscribing(connection: Connection, requests: Iterable<Request>): string[] {
  const explicit = [...requests].filter(({ intent }) => intent.kind === "claim" && intent.explicit);
  return waitingFor(connection, explicit);
}

/**
 * Follows what a closed connection left to the connection that has it now, or to what is left of that one: its client
 * may have come back and gone again, several times.
 */
export function lineOf({ left: own }: Connection): { readonly left: Left | undefined; readonly heir?: Connection } {
  let left = own;
  while (left?.takenBy && !left.takenBy.open && left.takenBy.left) left = left.takenBy.left;
  return { left, ...(left?.takenBy?.open && { heir: left.takenBy }) };
}

/** The connection that the answer to a request concerns now. */
export function answersTo(by: Connection): Connection | undefined {
  return by.open ? by : lineOf(by).heir;
}

/** Unanswered requests for a run whose answers concern a connection. */
export function startsOf(connection: Connection, requests: Iterable<Request>): Extract<Intent, { kind: "claim" }>[] {
  return [...requests].flatMap(({ connection: by, intent, open, current }) =>
    open && current && intent.kind === "claim" && intent.startsRun && answersTo(by) === connection ? [intent] : [],
  );
}

/**
 * Whether an answer may say that an event is of a run that the connection started.
 *
 * @param isKnown somebody is known to have started the run
 */
export function mayHaveStarted(
  connection: Connection,
  requests: Iterable<Request>,
  { keys, runId, parent }: SessionRoute,
  isKnown: boolean,
): boolean {
  return startsOf(connection, requests).some((intent) => {
    if (intent.keys.length === 0) return !isKnown;
    return (runId !== undefined && shares(intent.keys, keys)) || (parent !== undefined && intent.keys.includes(parent));
  });
}
