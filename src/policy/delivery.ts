/**
 * The central decision: who gets this event, or why nobody does.
 *
 * {@link mayReceive} is the rule, for one connection. {@link recipients} is the same rule turned into an index
 * look-up, so that an event costs what its subscribers cost. A property test holds the two together.
 */
import type { Claims } from "./claims.ts";
import { isAmong, type Run } from "./run.ts";
import type { EventRoute, SessionRoute } from "./session-event.ts";

export interface DeliverySettings {
  /**
   * `session`: connections that claim the session, or started the run. `run`: those that started the run or
   * subscribed explicitly.
   */
  readonly scope: "session" | "run";
  /**
   * `subscribers`: all roster rows to connections that asked for them. `claimed`: only rows of sessions that they
   * claim.
   */
  readonly roster: "subscribers" | "claimed";
}

/** Why a frame went where it went; the names of the counters. */
export type DeliveryReason = "open" | "delivered" | "held" | "no-claim" | "no-key" | "bad-key" | "too-large" | "error";

/** The outcome of an event for one connection. */
export type Verdict = "deliver" | "hold" | "drop";

export interface Recipients<C> {
  readonly route: CanonicalRoute;
  readonly deliver: ReadonlySet<C>;
  /** Claims that the gateway has not accepted yet: keep the frame until it answers. */
  readonly hold: ReadonlySet<C>;
  readonly reason: DeliveryReason;
}

/** An {@link EventRoute} whose keys are canonical. */
export type CanonicalRoute = Exclude<EventRoute, { readonly to: "all" }>;

const EMPTY: ReadonlySet<never> = new Set<never>();

/**
 * The rule, for one connection.
 *
 * @param connection a tracked connection; an unknown one gets nothing
 * @param route where the event belongs; keys canonical
 */
export function mayReceive<C>(
  connection: C,
  route: CanonicalRoute,
  claims: Claims<C>,
  settings: DeliverySettings,
): Verdict {
  if (route.to === "nobody" || !claims.has(connection)) return "drop";
  const claimed = (key: string): boolean => claims.isClaimed(connection, key);
  const all = route.to === "session" && route.besides ? [...route.keys, ...route.besides] : route.keys;
  const observes = claims.observers.has(connection) && claims.mayHave(connection, all);
  if (route.to === "roster") {
    if (!claims.roster.has(connection) || !claims.mayHave(connection, route.keys)) return "drop";
    if (settings.roster === "subscribers" || route.keys.length === 0 || observes) return "deliver";
    return route.keys.some(claimed) ? "deliver" : "drop";
  }
  if (observes) return "deliver";
  const { parent } = route;
  // An event that only happens to name sessions must not reveal one that the rules deny.
  if (route.found && !claims.mayHave(connection, all)) return "drop";
  // A connection that follows a session also follows those that it spawns; the rules apply to the child.
  if (parent !== undefined && claims.mayHave(connection, route.keys)) {
    if (settings.scope === "run" ? claims.isExplicit(connection, parent) : claimed(parent)) return "deliver";
    // The run of this connection may have spawned it.
    if (claims.runs.hasOn(connection, parent)) return "deliver";
  }
  const run = runOf(route, claims);
  // A connection that started a run gets it to its end, with or without a claim.
  if (run?.owners.has(connection) && claims.mayHave(connection, route.keys)) return "deliver";
  const entitles = settings.scope === "run" ? (key: string) => claims.isExplicit(connection, key) : claimed;
  if (route.keys.some(entitles)) return "deliver";
  if (route.keys.some((key) => claims.isPending(connection, key))) return "hold";
  if (run?.waiting?.has(connection) && claims.mayHave(connection, route.keys)) return "hold";
  const follows = parent !== undefined && claims.isPending(connection, parent);
  return (follows || mayHaveStarted(connection, route, run, claims)) && claims.mayHave(connection, route.keys)
    ? "hold"
    : "drop";
}

/** Whether an answer may show that a connection started the run of an event, or one that spawned its session. */
function mayHaveStarted<C>(
  connection: C,
  route: SessionRoute,
  run: Run<C> | undefined,
  { starts }: Claims<C>,
): boolean {
  if (route.found) return false;
  const { keys, parent, runId } = route;
  if (runId !== undefined && keys.some((key) => starts.isIn(connection, key))) return true;
  if (parent !== undefined && starts.isIn(connection, parent)) return true;
  // A run that is known was started by another request.
  return run === undefined && starts.isAnywhere(connection);
}

/**
 * All connections that may have an event, and all for which it must wait.
 *
 * @returns sets that are live views where possible: use them before claims change
 */
export function recipients<C>(route: CanonicalRoute, claims: Claims<C>, settings: DeliverySettings): Recipients<C> {
  if (route.to === "nobody") return { route, deliver: EMPTY, hold: EMPTY, reason: route.reason };
  const [key] = route.keys;
  const run = route.to === "session" ? runOf(route, claims) : undefined;
  let deliver: ReadonlySet<C>;
  let hold: ReadonlySet<C> = EMPTY;
  if (route.to === "roster") {
    deliver =
      (settings.roster === "subscribers" && claims.restricted.size === 0) || key === undefined
        ? claims.roster
        : select(claims.roster, "deliver", route, claims, settings);
  } else if (
    // The case that is nearly all of the traffic needs no copy: the index entry is the answer.
    route.keys.length === 1 &&
    route.parent === undefined &&
    route.besides === undefined &&
    settings.scope === "session" &&
    claims.observers.size === 0 &&
    !claims.starts.concern(key!) &&
    (!run || isAmong(run, claims.on(key!)))
  ) {
    const entry = claims.on(key!);
    if (!entry) return { route, deliver: EMPTY, hold: EMPTY, reason: "no-claim" };
    deliver = entry.asSet();
    hold = entry.pending;
  } else {
    const candidates = new Set(claims.observers);
    for (const connection of run?.owners ?? []) candidates.add(connection);
    for (const connection of run?.waiting?.keys() ?? []) candidates.add(connection);
    const related = route.parent === undefined ? route.keys : [...route.keys, route.parent];
    for (const connection of claims.starts.among(related)) candidates.add(connection);
    if (route.parent !== undefined) {
      for (const connection of claims.runs.ownersOn(route.parent)) candidates.add(connection);
    }
    for (const each of related) {
      for (const connection of claims.claimed(each)) candidates.add(connection);
      for (const connection of claims.pending(each)) candidates.add(connection);
    }
    deliver = select(candidates, "deliver", route, claims, settings);
    hold = select(candidates, "hold", route, claims, settings);
  }
  return { route, deliver, hold, reason: deliver.size > 0 ? "delivered" : hold.size > 0 ? "held" : "no-claim" };
}

/** The run that an event belongs to, if somebody here started it. */
function runOf<C>(route: SessionRoute, claims: Claims<C>): Run<C> | undefined {
  return route.found ? undefined : claims.runs.of(route.runId, route.keys);
}

function select<C>(
  candidates: Iterable<C>,
  wanted: Verdict,
  route: CanonicalRoute,
  claims: Claims<C>,
  settings: DeliverySettings,
): ReadonlySet<C> {
  const selected = new Set<C>();
  for (const connection of candidates) {
    if (mayReceive(connection, route, claims, settings) === wanted) selected.add(connection);
  }
  return selected;
}
