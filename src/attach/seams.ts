/**
 * The table of seams: the functions of OpenClaw to which the module attaches.
 *
 * Every release looked at, from 2026.1.29 to 2026.9.6, declares them at the start of a line of some module,
 * as `function NAME(`, `async function NAME(`, or exported (2026.1 and 2026.2.1 are not bundled).
 * Chunk file names are hashed and tell nothing.
 */

export interface Seam {
  readonly name: string;
  /** Function names, the preferred one first. One of them has to be there. */
  readonly functions: readonly string[];
  /** Without a required seam the gateway does not start; without an optional one we fall back. */
  readonly required: boolean;
  readonly purpose: string;
}

export const SEAMS: readonly Seam[] = [
  {
    name: "broadcast",
    functions: ["createGatewayBroadcaster"],
    required: true,
    purpose: "delivers events to connections",
  },
  {
    name: "requests",
    functions: ["handleGatewayRequest"],
    required: true,
    purpose: "shows which sessions a connection asks for",
  },
  {
    name: "config",
    functions: ["getRuntimeConfig", "loadConfig"], // getRuntimeConfig: from 2026.4
    required: true,
    purpose: "holds the settings and the session scope",
  },
  {
    name: "session-key",
    functions: ["resolveSessionStoreKey"],
    required: false, // policy/session-key.ts stands in
    purpose: "makes session keys canonical",
  },
  {
    name: "global-key",
    functions: ["resolveSessionSubscriptionKey"], // from 2026.8: each agent has its own global session
    required: false,
    purpose: "tells the global sessions of agents apart",
  },
  {
    name: "system-events",
    // The owned one is under all others from 2026.8 on.
    functions: [
      "enqueueOwnedSystemEventEntry",
      "enqueueSystemEvent",
      "enqueueSystemEventEntry",
      "enqueueSystemEventWithReceipt",
    ],
    required: false, // then events of cron runs stay where the release puts them
    purpose: "queues events for a session",
  },
  {
    name: "system-event-queues",
    functions: ["peekSystemEventEntries", "peekSystemEvents"],
    required: false, // then what falls off a full queue is not counted
    purpose: "shows what waits for a session",
  },
  {
    name: "wake-requests",
    // In this order: from 2026.9.3, from 2026.8.2, from 2026.5, before.
    functions: ["createSessionEventWakeRuntime", "enqueueHeartbeatRequest", "requestHeartbeat", "requestHeartbeatNow"],
    required: false, // then wakes go where the release sends them
    purpose: "asks for a heartbeat",
  },
  {
    name: "agents",
    functions: ["listAgentIds"],
    required: false, // then the list in the configuration is read
    purpose: "knows the agents that a wake may name",
  },
  {
    name: "webhooks",
    functions: ["createHooksRequestHandler", "normalizeWakePayload", "buildActionFromMapping", "mergeAction"],
    required: false, // then a webhook's session key means what the release makes of it
    purpose: "reads the session that a webhook names",
  },
  {
    name: "pending-reply",
    functions: ["buildPendingFinalDeliveryText"], // from 2026.5
    required: false, // releases without it do not repeat replies
    purpose: "remembers a reply that is still to be delivered",
  },
  {
    name: "heartbeat",
    functions: ["runHeartbeatOnce"],
    required: false, // then heartbeats run as upstream has them
    purpose: "runs one heartbeat",
  },
  {
    name: "heartbeat-start",
    functions: ["setHeartbeatWakeHandler"],
    required: false,
    purpose: "tells when heartbeats begin",
  },
  {
    name: "heartbeat-target",
    functions: ["resolveHeartbeatSession", "resolveHeartbeatAgents", "resolveHeartbeatIntervalMs"],
    required: false,
    purpose: "knows the agents, sessions and intervals of heartbeats",
  },
  {
    name: "heartbeat-abort",
    functions: ["setActiveEmbeddedRun", "clearActiveEmbeddedRun", "getReplyFromConfig"],
    required: false,
    purpose: "aborts a heartbeat",
  },
  {
    name: "heartbeat-preemption",
    functions: ["preemptAndDrainEmbeddedHeartbeatRun"], // from 2026.8, which needs none of ours
    required: false,
    purpose: "aborts a heartbeat for a user's message by itself",
  },
  {
    name: "agent-events",
    functions: ["onAgentEvent"],
    required: false,
    purpose: "shows which runs are active",
  },
  {
    name: "lanes",
    functions: ["enqueueCommandInLane"],
    required: false,
    purpose: "queues runs",
  },
  {
    name: "event-queues",
    functions: ["drainSystemEventEntries", "consumeSelectedSystemEventEntries", "enqueueSystemEvent"],
    required: false,
    purpose: "holds the events of an aborted heartbeat",
  },
  {
    name: "diagnostics",
    functions: ["emitDiagnosticEvent"],
    required: false, // then there are no diagnostics events of ours
    purpose: "tells the gateway's diagnostics listeners",
  },
];

/** All function names of the table, each once. */
export const SEAM_FUNCTIONS: readonly string[] = [...new Set(SEAMS.flatMap((seam) => seam.functions))];

/** Seams none of whose functions is among `found`. */
export function missingSeams(found: ReadonlySet<string>): readonly Seam[] {
  return SEAMS.filter((seam) => seam.required && !seam.functions.some((name) => found.has(name)));
}
