/** Users' runs: the requests that start them, and what the gateway says of runs from elsewhere. */
import type { HandleRequest, RequestOptions, Respond } from "../gateway/types.ts";

/** What the request path asks. Nothing here throws. */
export interface RunGate {
  /** @returns undefined for requests that start no run */
  request(method: string, params: unknown): RunRequest | undefined;
}

/** A user's message, from its arrival until what answers it has returned or failed. */
export interface UserTurn {
  /** Settles when the message may go on; undefined if it may at once. */
  readonly ready: Promise<void> | undefined;
  done(): void;
}

export interface RunRequest extends UserTurn {
  answered(ok: boolean, payload: unknown): void;
}

/** Wraps `handleGatewayRequest` so that a request which starts a run can be held and is known. */
export function watchRuns(original: HandleRequest, gate: RunGate): HandleRequest {
  return function handleGatewayRequest(opts, ...rest) {
    const request = mayStartRuns(opts.client) ? gate.request(opts.req.method, opts.req.params) : undefined;
    if (!request) return original(opts, ...rest);
    const respond = opts.respond;
    const watched: Respond = (ok, payload, ...more) => {
      request.answered(ok, payload);
      respond(ok, payload, ...more);
    };
    const handle = async (): Promise<unknown> => {
      try {
        // In place where possible: releases keep what they know about a request under its identity.
        const own = Reflect.set(opts, "respond", watched) ? opts : { ...opts, respond: watched };
        return await original(own, ...rest);
      } finally {
        request.done();
      }
    };
    return request.ready ? request.ready.then(handle) : handle();
  };
}

/** Upstream refuses these requests to all others, whose asking must not abort a heartbeat. */
function mayStartRuns(client: RequestOptions["client"]): boolean {
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
  if (typeof event !== "object" || event === null) return undefined;
  const { runId, sessionKey, stream, data } = event as Record<string, unknown>;
  if (typeof runId !== "string") return undefined;
  const phase = stream === "lifecycle" ? (data as { phase?: unknown } | undefined)?.phase : undefined;
  return {
    runId,
    sessionKey: typeof sessionKey === "string" ? sessionKey : undefined,
    phase: phase === "start" ? "start" : ENDS.has(phase) ? "end" : "running",
  };
}
