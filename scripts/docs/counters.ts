/** The table of the status' counters for docs/plugin.md: each reason, what it counts, and what to do about it. */
import type { CountReason } from "../../src/policy/counters.ts";
import { markdownTable } from "../../src/report/columns.ts";

interface Meaning {
  readonly counts: string;
  /** Undefined where a higher count needs no action. */
  readonly todo?: string;
}

/** A counter stands under the event's name, or under this one. */
const UNDER: Partial<Record<CountReason, string>> = {
  error: "the event, or a part of the module",
  "held-dropped": "(held)",
  "access-denied": "(request)",
  "claim-forgotten": "(claim)",
  resumed: "(connection)",
  remapped: "(system-event)",
  "queue-overflow": "(system-event)",
  "wake-repeated": "(system-event)",
  targeted: "(system-event)",
  "target-refused": "(system-event)",
  "wake-unanswered": "(system-event)",
};

const MEANINGS: Readonly<Record<CountReason, Meaning>> = {
  open: { counts: "events without a session, which every connection gets as OpenClaw sends them" },
  delivered: { counts: "events that at least one connection got" },
  held: { counts: "events that wait for the answer to a request, because that answer decides who gets them" },
  "no-claim": { counts: "events of sessions that no connection has asked for; nobody got them" },
  "no-key": {
    counts: "events that belong to a session but name none; nobody got them",
    todo: "after 20 of one name the log has a line; see [troubleshooting](troubleshooting.md)",
  },
  "bad-key": {
    counts: "events with a malformed session key; nobody got them",
    todo: "after 20 of one name the log has a line; see [troubleshooting](troubleshooting.md)",
  },
  "too-large": { counts: "events with more content than the module searches for session keys; nobody got them" },
  error: {
    counts: "failures inside the module; the event at hand reached nobody, and the gateway went on",
    todo: "report it with the release and the event's name",
  },
  "held-overflow": {
    counts: "held frames that were dropped to make room for newer ones",
    todo: "raise [`limits.heldFramesPerConnection`](settings.md#limitsheldframesperconnection)",
  },
  "held-dropped": { counts: "held frames that were dropped because the answer did not entitle the connection to them" },
  "access-denied": { counts: "requests that [access rules](access.md) refused" },
  "claim-forgotten": {
    counts: "claims that a connection lost to make room for newer ones",
    todo: "raise [`limits.claimsPerConnection`](settings.md#limitsclaimsperconnection)",
  },
  resumed: { counts: "connections that got the claims of the client's last connection" },
  remapped: { counts: "events of cron runs that were put into the queue that the heartbeat drains" },
  "queue-overflow": {
    counts: "oldest events that a full queue (20 events) dropped, or the module itself, which keeps 100",
    todo: "let a cron run leave fewer commands in the background",
  },
  "wake-repeated": { counts: "wakes that were repeated because no heartbeat had taken the event" },
  targeted: { counts: "wakes and system events that went to the session they named" },
  "target-refused": {
    counts: "wakes and system events that named an invalid session and were refused",
    todo: "the caller's error says why",
  },
  "wake-unanswered": {
    counts: "events that no heartbeat took in time; they wait for the session's next message",
    todo: "the log has the agent and the release's reason",
  },
};

/** One row a reason, in the order in which an operator meets them. */
export function countersTable(): string {
  const rows = Object.entries(MEANINGS).map(([reason, { counts, todo }]) => {
    const under = UNDER[reason as CountReason];
    return [`\`${reason}\``, under?.startsWith("(") ? `\`${under}\`` : (under ?? "the event"), counts, todo ?? ""];
  });
  return markdownTable([["reason", "under", "what it counts", "what to do"], ...rows]);
}
