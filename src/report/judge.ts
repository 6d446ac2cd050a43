/** What a probe's observation means. */
import { type Observation, OTHER_SESSIONS } from "./observe.ts";
import type { Check, ConnectionReport, Delivery, Verdict } from "./shape.ts";

/** What the probe did, and what came of it, apart from who got what. */
export interface Conduct {
  readonly mode: "exchange" | "passive";
  /** One for each run: whether its sender saw it end. */
  readonly runs: readonly { readonly session: string; readonly round: number; readonly end: RunEnd }[];
  /** Whether the connection that came and went was let into the session. */
  readonly joined: boolean | undefined;
  /** What came of the cron job, if there was to be one. */
  readonly cron?: { readonly problem?: string; readonly leftBehind?: string } | undefined;
  /** Sessions that changed while the probe listened, as far as `sessions.list` tells. */
  readonly active?: number | undefined;
  readonly seconds?: number | undefined;
  /** Frames that were not recorded. */
  readonly dropped: number;
  /** The user ended it. */
  readonly interrupted: boolean;
}

/** How a run ended for its sender: `missing` if it never heard. */
export type RunEnd = "final" | "aborted" | "error" | "missing";

export interface Judgement {
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly checks: readonly Check[];
}

/** Names of the sessions and connections that the judgement speaks of. */
export const LEFT = "left";

/** Says leak, no leak or inconclusive, and why. */
export function judge(observation: Observation, conduct: Conduct): Judgement {
  const foreign = observation.deliveries.filter(({ standing }) => standing === "foreign");
  const control = controlCheck(conduct);
  const checks = [
    ...(control ? [control] : []),
    foreignCheck(foreign, conduct),
    ...(conduct.mode === "exchange" ? leaveChecks(observation, conduct) : []),
    sequenceCheck(observation.connections),
  ];
  const open = openQuestions(conduct, control);
  if (foreign.length > 0) return { verdict: "leak", reasons: leakReasons(observation, foreign), checks };
  if (open.length > 0) return { verdict: "inconclusive", reasons: open, checks };
  const found = "every sender got its own frames, and no connection got frames that it had not asked for";
  return { verdict: "no leak", reasons: [found, ...rosterNote(observation)], checks };
}

/** The positive control: a gateway that delivers nothing would pass every other check. */
function controlCheck({ mode, runs }: Conduct): Check | undefined {
  if (mode === "passive") return undefined;
  const name = "each sender gets its own frames";
  const lost = runs.filter(({ end }) => end === "missing");
  if (runs.length === 0) return { name, result: "fail", detail: "no run was started" };
  if (lost.length > 0) {
    const which = lost.map(({ session, round }) => `${session} in round ${round}`).join(", ");
    return { name, result: "fail", detail: `the end of the run did not reach ${which}` };
  }
  const ends = [...new Set(runs.map(({ end }) => end))].join(", ");
  return { name, result: "pass", detail: `${runs.length} runs, all with their end (${ends})` };
}

function foreignCheck(foreign: readonly Delivery[], { mode }: Conduct): Check {
  const name = "nobody gets a session's frames without asking";
  const frames = sum(foreign);
  if (frames > 0) return { name, result: "fail", detail: `${frames} frames` };
  if (mode === "passive") return { name, result: "unknown", detail: "none seen, which proves nothing" };
  return { name, result: "pass", detail: "none" };
}

function leaveChecks({ connections, deliveries }: Observation, { joined, runs }: Conduct): Check[] {
  const at = connections.findIndex(({ name }) => name === LEFT);
  if (at < 0) return [];
  const name = "leaving a session ends its frames";
  if (joined === undefined || !runs.some(({ round }) => round === 2)) {
    return [{ name, result: "unknown", detail: "not reached" }];
  }
  if (!joined) return [{ name, result: "unknown", detail: "the gateway refused the session to the connection" }];
  const here = deliveries.filter(({ connection, session }) => connection === at && session === 0);
  const own = sum(here.filter(({ standing }) => standing === "own"));
  const after = sum(here.filter(({ standing }) => standing === "foreign"));
  if (after > 0) return [{ name, result: "fail", detail: `${after} frames after it had left, ${own} before` }];
  if (own === 0) return [{ name, result: "unknown", detail: "it got no frames of the session before it left either" }];
  return [{ name, result: "pass", detail: `${own} frames before it left, none after` }];
}

function sequenceCheck(connections: readonly ConnectionReport[]): Check {
  const name = "sequence numbers have no gaps and no repeats";
  const wrong = connections.filter(({ gaps, repeats }) => gaps + repeats > 0);
  if (wrong.length === 0) return { name, result: "pass", detail: `on all ${connections.length} connections` };
  const each = wrong.map((one) => `${one.name}: ${one.gaps} gaps, ${one.repeats} repeats`).join("; ");
  // Not the verdict's business: an unmodified 2026.4 or older numbers its events over all clients.
  return { name, result: "fail", detail: `${each}. Clients show this as lost events` };
}

function openQuestions(conduct: Conduct, control: Check | undefined): string[] {
  const open: string[] = [];
  if (conduct.interrupted) open.push("it was interrupted");
  if (control?.result === "fail")
    open.push(`${control.detail}: if senders lack their own frames, the absence of frames elsewhere proves nothing`);
  if (conduct.cron?.problem !== undefined) open.push(`the cron job did not finish: ${conduct.cron.problem}`);
  if (conduct.dropped > 0) open.push(`${conduct.dropped} frames were not checked, because there were too many`);
  if (conduct.mode === "passive") {
    const { active, seconds } = conduct;
    const activity =
      active === undefined
        ? "it is unknown whether any session was active"
        : active === 0
          ? "sessions.list showed no active session (under access rules it may hide them)"
          : `${active} ${active === 1 ? "session was" : "sessions were"} active`;
    open.push(
      `in ${seconds} s no connection got a session's frame that it had not asked for; ${activity}`,
      "listening can find a leak, but cannot rule one out: --allow-runs creates its own sessions and checks who gets their frames",
    );
  }
  return open;
}

function leakReasons({ connections, sessions }: Observation, foreign: readonly Delivery[]): string[] {
  const byConnection = Map.groupBy(foreign, ({ connection }) => connection);
  const total = `${byConnection.size} of ${connections.length} connections got ${sum(foreign)} frames of sessions that they had not asked for`;
  const each = [...byConnection].map(([connection, some]) => {
    const of = [...new Set(some.map(({ session }) => sessions[session]!.name))];
    const events = [...Map.groupBy(some, ({ event }) => event)].map(([event, same]) => `${sum(same)} ${event}`);
    const whose = of.map((name) => (name === OTHER_SESSIONS ? name : `session ${name}`)).join(", ");
    return `${connections[connection]!.name} (${connections[connection]!.asked}) got frames of ${whose}: ${events.join(", ")}`;
  });
  return [total, ...each];
}

function rosterNote({ deliveries }: Observation): string[] {
  const rows = deliveries.filter(({ standing }) => standing === "roster");
  if (rows.length === 0) return [];
  const text = rows.some(({ by }) => by.includes("text")) ? ", including text of its messages" : "";
  return [
    `connections that asked for the list of sessions get a row for each change of a session${text}: ${sum(rows)} frames (the setting roster: "claimed" ends that)`,
  ];
}

function sum(deliveries: readonly Delivery[]): number {
  return deliveries.reduce((total, { frames }) => total + frames, 0);
}
