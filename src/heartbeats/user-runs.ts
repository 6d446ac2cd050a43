/** Users' runs: who may start them, and what the gateway says of runs from elsewhere. */
import type { GatewayClient } from "../gateway/types.ts";
import { fieldsOf, fieldsOrNone, text } from "../policy/fields.ts";

/** A user's message, from its arrival until what answers it has returned or failed. */
export interface UserTurn {
  /** Settles when the message may go on; undefined if it may at once. */
  readonly ready: Promise<void> | undefined;
  done(): void;
}

/** Upstream refuses these requests to all others, whose asking must not abort a heartbeat. */
export function mayStartRuns(client: GatewayClient | undefined): boolean {
  if (!client) return true;
  const { role = "operator", scopes } = client.connect;
  if (role !== "operator") return false;
  // A release that keeps no scopes decides for itself.
  return !Array.isArray(scopes) || scopes.includes("operator.write") || scopes.includes("operator.admin");
}

/** What an agent event says of its run. */
export interface RunSign {
  readonly runId: string;
  readonly sessionKey: string | undefined;
  readonly phase: "start" | "end" | "running";
}

const ENDS: ReadonlySet<unknown> = new Set(["end", "error"]);

/**
 * Subscribes to agent events.
 *
 * @param onAgentEvent the release's own; one that its copy of the module cannot serve is left alone
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
