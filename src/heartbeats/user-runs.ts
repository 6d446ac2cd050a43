/** Users' runs: who may start them, and how the gateway reports runs from elsewhere. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { GatewayClient } from "../gateway/types.ts";
import { fieldsOf, fieldsOrNone, text } from "../policy/fields.ts";
import type { TakenEvents } from "./taken-events.ts";

/** A user's message, from its arrival until what answers it has returned or failed. */
export interface UserTurn {
  /** Canonical. */
  readonly sessionKey: string;
  /** Until `done`. */
  live: boolean;
  /** Settles when the message may go on; undefined if it may at once. */
  readonly ready: Promise<void> | undefined;
  /** What the message took out of the queues of events. */
  readonly events: TakenEvents;
  /** A run of an agent has begun in the async context of what answers the message: its model gets the events. */
  ran: boolean;
  done(): void;
}

/** The message to which code belongs, until its answer has been delivered and after. */
export const turns = new AsyncLocalStorage<UserTurn | undefined>();

/** Upstream refuses these requests to all other clients, whose requests must not abort a heartbeat. */
export function mayStartRuns(client: GatewayClient | undefined): boolean {
  if (!client) return true;
  const { role = "operator", scopes } = client.connect;
  if (role !== "operator") return false;
  // A release that keeps no scopes decides for itself.
  return !Array.isArray(scopes) || scopes.includes("operator.write") || scopes.includes("operator.admin");
}

/** What an agent event reports about its run. */
export interface RunSign {
  readonly runId: string;
  readonly sessionKey: string | undefined;
  readonly phase: "start" | "end" | "running";
}

const ENDS: ReadonlySet<unknown> = new Set(["end", "error"]);

/**
 * Subscribes to agent events.
 *
 * @param onAgentEvent the release's own; one whose copy of its module has not run is skipped
 * @param sign called in the async context of the run
 */
export function watchAgentEvents(onAgentEvent: unknown, sign: (sign: RunSign) => void): void {
  if (typeof onAgentEvent !== "function") return;
  try {
    onAgentEvent((event: unknown) => {
      const found = signOf(event);
      if (found) sign(found);
    });
  } catch {
    // A copy whose module has not run: nothing runs through it either.
  }
}

function signOf(event: unknown): RunSign | undefined {
  const { runId, sessionKey, stream, data } = fieldsOrNone(event);
  if (typeof runId !== "string") return undefined;
  const phase = stream === "lifecycle" ? fieldsOf(data)?.["phase"] : undefined;
  return {
    runId,
    sessionKey: text(sessionKey),
    phase: phase === "start" ? "start" : ENDS.has(phase) ? "end" : "running",
  };
}
