// oxlint-disable max-lines -- a table: one row a seam
/**
 * The table of seams: the functions of OpenClaw to which the module attaches, or of which it only asks whether a
 * release has them.
 *
 * All releases declare them at the start of a line of some module, as `function NAME(`, `async function NAME(`, or
 * exported (2026.1 and 2026.2 up to 2026.2.3 are not bundled). Chunk file names are hashed and say nothing.
 *
 * In a gateway it only matters whether a function is declared. `since` and `until` record the published packages, for
 * `doctor`, docs/releases.md and the tests.
 */
import { MESSAGES } from "../messages.ts";

/** The releases between which the table was compared with the published packages. */
export const RELEASES = { oldest: "2026.1.29", newest: "2026.9.6" } as const;

export interface SeamFunction {
  readonly name: string;
  /** The first release that declares it; without one, all do. */
  readonly since?: string;
  /** The first release that no longer declares it. */
  readonly until?: string;
}

/** What the module does with a seam: deliver events, defer heartbeats, remap keys, or report. */
export type Job = "all" | "deliver" | "defer" | "remap" | "report";

export interface Seam {
  readonly name: string;
  readonly job: Job;
  /** The preferred one first. Any one of them is enough. */
  readonly functions: readonly SeamFunction[];
  /** Without a required seam the gateway does not start; without any other one the module falls back. */
  readonly required?: true;
  readonly purpose: string;
  /** The consequence on a release that has none of the functions. */
  readonly without: string;
  /** The release has the function because it does this itself; the rest is left to the module. */
  readonly standsDown?: string;
  /** Name of a seam that makes this one unnecessary. */
  readonly unless?: string;
  /** Releases on which the module does not use it, since the release alone does better. */
  readonly leftAlone?: { readonly since: string; readonly until: string; readonly because: string };
}

/** The seam of releases that abort heartbeats for users themselves. */
export const PREEMPTION = "heartbeat-preemption";

export const SEAMS: readonly Seam[] = [
  {
    name: "broadcast",
    job: "deliver",
    functions: [{ name: "createGatewayBroadcaster" }],
    required: true,
    purpose: "delivers events to connections",
    without: "the gateway does not start",
  },
  {
    name: "requests",
    job: "deliver",
    functions: [{ name: "handleGatewayRequest" }],
    required: true,
    purpose: "shows which sessions a connection asks for",
    without: "the gateway does not start",
  },
  {
    name: "config",
    job: "all",
    functions: [{ name: "getRuntimeConfig", since: "2026.3.31" }, { name: "loadConfig" }],
    required: true,
    purpose: "holds the settings and the session scope",
    without: "the gateway does not start",
  },
  {
    name: "session-key",
    job: "deliver",
    functions: [{ name: "resolveSessionStoreKey" }],
    purpose: "makes session keys canonical",
    without: "the module applies its own rules for canonical session keys",
  },
  {
    name: "global-key",
    job: "deliver",
    functions: [{ name: "resolveSessionSubscriptionKey", since: "2026.8.1" }],
    purpose: "distinguishes the agents' global sessions",
    without: "all agents share one global session",
  },
  {
    name: "hello",
    job: "deliver",
    functions: [{ name: "buildGatewaySnapshot" }],
    purpose: "gives a new connection the gateway's presence and health",
    without: "a new connection's hello names sessions",
  },
  {
    name: "session-end",
    job: "deliver",
    functions: [{ name: "emitSessionLifecycleEvent", since: "2026.3.22" }],
    purpose: "reports sessions that are deleted other than by a client's request",
    without: "claims on such a session stay until it is created again or the connection ends",
  },
  {
    name: "session-events",
    job: "deliver",
    functions: [{ name: "canReceiveSessionEvent", since: "2026.8.1" }],
    purpose: "scopes the events of clients that ask for it",
    without: "the module scopes the events of all clients",
    standsDown:
      "the release itself limits clients with the cap session-scoped-events to what they subscribed to; the module scopes all others",
  },
  {
    name: "cron-events",
    job: "remap",
    functions: [{ name: "resolveEventSessionKey", since: "2026.5.12" }],
    purpose: "maps the key of a cron run to the main session",
    without: "the module maps the keys of all cron runs",
    standsDown:
      "the release itself sends the events of commands that a cron run left behind to the main session; the module remaps the rest",
  },
  {
    name: "system-events",
    job: "remap",
    functions: [
      { name: "enqueueOwnedSystemEventEntry", since: "2026.8.1" }, // under all the others
      { name: "enqueueSystemEvent" },
      { name: "enqueueSystemEventEntry", since: "2026.6.8" },
      { name: "enqueueSystemEventWithReceipt", since: "2026.8.1" },
    ],
    purpose: "queues events for a session",
    without: "events of cron runs stay where the release puts them",
  },
  {
    name: "system-event-queues",
    job: "remap",
    functions: [{ name: "peekSystemEventEntries", since: "2026.2.17" }, { name: "peekSystemEvents" }],
    purpose: "shows what waits for a session",
    without: "events dropped from a full queue are not counted",
  },
  {
    name: "wake-requests",
    job: "remap",
    functions: [
      { name: "createSessionEventWakeRuntime", since: "2026.9.3" },
      { name: "enqueueHeartbeatRequest", since: "2026.8.2", until: "2026.9.3" },
      { name: "requestHeartbeat", since: "2026.5.2", until: "2026.8.2" },
      { name: "requestHeartbeatNow", until: "2026.5.2" },
    ],
    purpose: "asks for a heartbeat",
    without: "wakes go where the release sends them",
  },
  {
    name: "agents",
    job: "remap",
    functions: [{ name: "listAgentIds" }],
    purpose: "lists the agents that a wake may name",
    without: "a wake may name the agents that the configuration lists",
  },
  {
    name: "webhooks",
    job: "remap",
    functions: [
      { name: "createHooksRequestHandler" },
      { name: "normalizeWakePayload" },
      { name: "buildActionFromMapping" },
      { name: "mergeAction" },
    ],
    purpose: "reads the session that a webhook names",
    without: "the release alone interprets a webhook's session key",
  },
  {
    name: "pending-reply",
    job: "remap",
    functions: [{ name: "buildPendingFinalDeliveryText", since: "2026.5.4", until: "2026.9.6" }],
    purpose: "repeats a reply that was not delivered",
    without: "the release repeats no reply",
  },
  {
    name: "pending-reply-memory",
    job: "remap",
    functions: [{ name: "updateSessionStoreEntry" }],
    purpose: "forgets a reply that a heartbeat has repeated",
    without: "a heartbeat may repeat a reply instead of asking the model, until the session's next message",
    unless: PREEMPTION,
  },
  {
    name: "heartbeat",
    job: "defer",
    functions: [{ name: "runHeartbeatOnce" }],
    purpose: "runs one heartbeat",
    without: "heartbeats run as in OpenClaw, alongside users' runs",
  },
  {
    name: "heartbeat-start",
    job: "defer",
    functions: [{ name: "setHeartbeatWakeHandler" }],
    purpose: "shows when heartbeats begin",
    without: "the log does not report the interval of heartbeats at startup",
  },
  {
    name: "heartbeat-agents",
    job: "defer",
    functions: [{ name: "resolveHeartbeatAgents" }],
    purpose: "lists the agents that have heartbeats",
    without: "the log does not report the interval of heartbeats at startup",
  },
  {
    name: "heartbeat-interval",
    job: "defer",
    functions: [{ name: "resolveHeartbeatIntervalMs" }],
    purpose: "gives the interval of heartbeats",
    without: "the log does not report the interval of heartbeats at startup",
  },
  {
    name: "heartbeat-session",
    job: "defer",
    functions: [{ name: "resolveHeartbeatSession" }],
    purpose: "finds the session of a heartbeat",
    without: "the module assumes that a heartbeat runs on the session that it names, or on main",
  },
  {
    name: "agent-events",
    job: "defer",
    functions: [{ name: "onAgentEvent" }],
    purpose: "shows which runs are active",
    without: "runs that no client's request started do not defer heartbeats",
  },
  {
    name: "lanes",
    job: "defer",
    functions: [{ name: "enqueueCommandInLane" }],
    purpose: "queues runs",
    without: "a run that waits behind a heartbeat may be mistaken for it",
  },
  {
    name: PREEMPTION,
    job: "defer",
    functions: [{ name: "preemptAndDrainEmbeddedHeartbeatRun", since: "2026.8.1" }],
    purpose: "aborts a heartbeat for a user's message without the module",
    without: "the module aborts the heartbeat",
    standsDown: "the release aborts a heartbeat for a user's message itself; the module only defers heartbeats",
  },
  {
    name: "heartbeat-abort",
    job: "defer",
    functions: [{ name: "setActiveEmbeddedRun" }],
    purpose: "aborts a heartbeat",
    without: "a user's message waits for the heartbeat",
    unless: PREEMPTION,
    leftAlone: {
      since: "2026.5.28",
      until: "2026.8.1",
      because:
        "an aborted heartbeat occupies its command lane for up to 30 s, so a message waits for the heartbeat instead, 10 s at most",
    },
  },
  {
    name: "heartbeat-end",
    job: "defer",
    functions: [{ name: "clearActiveEmbeddedRun" }],
    purpose: "shows that a heartbeat has ended",
    without: "a heartbeat that has ended may be run again",
    unless: PREEMPTION,
  },
  {
    name: "channel-replies",
    job: "defer",
    functions: [{ name: "getReplyFromConfig" }],
    purpose: "answers the message of a channel",
    without: "a channel's message does not abort a heartbeat, and an aborted one may repeat a reply",
    unless: PREEMPTION,
  },
  {
    name: "heartbeat-prompt",
    job: "remap",
    functions: [{ name: "resolveRuntimeContextPromptParts", since: "2026.4.25" }],
    purpose: "splits a prompt into what is shown and what only the model gets",
    without: "the release gives a heartbeat's model its prompt and events in one",
  },
  {
    name: "heartbeat-events",
    job: "defer",
    functions: [{ name: "drainSystemEventEntries" }, { name: "consumeSelectedSystemEventEntries", since: "2026.5.2" }],
    purpose: "takes a heartbeat's events out of their queue",
    without: "the events of an aborted heartbeat are lost",
    unless: PREEMPTION,
  },
  {
    name: "heartbeat-events-back",
    job: "defer",
    functions: [{ name: "enqueueSystemEvent" }],
    purpose: "puts the events of an aborted heartbeat back",
    without: "the events of an aborted heartbeat are lost",
    unless: PREEMPTION,
  },
  {
    name: "message-events",
    job: "remap",
    functions: [{ name: "prependSystemEvents", until: "2026.3.2" }],
    purpose: "puts waiting events in front of a message; one that is queued behind a run goes on without them",
    without: "the release keeps the events with the message",
  },
  {
    name: "diagnostics",
    job: "report",
    functions: [{ name: "emitDiagnosticEvent" }],
    purpose: "notifies the gateway's diagnostics listeners",
    without: "the gateway's diagnostics listeners get no counters",
  },
];

/** All function names of the table, each once. */
export const SEAM_FUNCTIONS: readonly string[] = namesIn(SEAMS);

/** The function names of some seams, each once. */
export function namesIn(seams: readonly Seam[]): readonly string[] {
  return [...new Set(seams.flatMap(({ functions }) => functions.map(({ name }) => name)))];
}

/** A seam's functions as a message names them. */
export function eitherOf(seam: Seam): string {
  return namesIn([seam]).join(" or ");
}

/** Whether one of a seam's functions is among `found`. */
export function isFound(seam: Seam, found: ReadonlySet<string>): boolean {
  return seam.functions.some(({ name }) => found.has(name));
}

/** Required seams without a function among `found`. */
export function missingSeams(found: ReadonlySet<string>): readonly Seam[] {
  return SEAMS.filter((seam) => seam.required && !isFound(seam, found));
}

/** Seams of work that the release does itself, so that the module stands down. */
export function standingDown(found: ReadonlySet<string>): readonly Seam[] {
  return SEAMS.filter((seam) => seam.standsDown !== undefined && isFound(seam, found));
}

/**
 * Seams that the module does not use on a release.
 *
 * @param release e.g. `2026.6.11`
 */
export function leftAlone(release: string): readonly Seam[] {
  return SEAMS.filter((seam) => seam.leftAlone && within(release, seam.leftAlone));
}

function within(release: string, { since, until }: { readonly since: string; readonly until: string }): boolean {
  const number = (version: string): number =>
    version
      .split("-")[0]!
      .split(".")
      .reduce((sum, part) => sum * 1_000 + Number(part), 0);
  return number(release) >= number(since) && number(release) < number(until);
}

/** The seams of heartbeats: all are optional, and the log names the missing ones at startup. */
export const HEARTBEAT_SEAMS: readonly Seam[] = SEAMS.filter(({ job }) => job === "defer");

/**
 * The lines to log about missing functions of heartbeats.
 *
 * @param found names of the functions that the release declares
 */
export function missingHeartbeatSeams(found: ReadonlySet<string>): readonly string[] {
  const unnecessary = new Set(SEAMS.filter((seam) => isFound(seam, found)).map(({ name }) => name));
  return HEARTBEAT_SEAMS.filter(
    (seam) => !isFound(seam, found) && seam.standsDown === undefined && !unnecessary.has(seam.unless ?? ""),
  ).map((seam) => MESSAGES.heartbeatsLack(eitherOf(seam), seam.without));
}

/** The releases that declare a function, as a range of versions. */
export function releasesWith({ since, until }: SeamFunction): string {
  return [...(since ? [`>=${since}`] : []), ...(until ? [`<${until}`] : [])].join(" ") || "*";
}
