/** The unanswered requests of a connection to the naive gateway. */
import type { SessionRoute } from "../../../src/policy/session-event.ts";
import type { Connection, Request } from "./facts.ts";
import { shares } from "./run-facts.ts";

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
  return [...requests].some(({ connection: by, intent, open, current }) => {
    if (by !== connection || !open || !current || intent.kind !== "claim" || !intent.startsRun) return false;
    if (intent.keys.length === 0) return !isKnown;
    return (runId !== undefined && shares(intent.keys, keys)) || (parent !== undefined && intent.keys.includes(parent));
  });
}
