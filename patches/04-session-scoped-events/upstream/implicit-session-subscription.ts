/** Requests that open a session subscribe their connection to it, where session events are scoped. */
import type { GatewayRequestContext, RespondFn } from "./server-methods/types.js";
import { resolveRequestedSessionAgentId } from "./session-request-agent.js";
import { resolveSessionStoreKey } from "./session-store-key.js";
import { resolveSessionSubscriptionKey } from "./session-subscription-keys.js";

/** A client that writes to a session or shows it wants its events. */
const OPENING_METHODS: ReadonlySet<string> = new Set(["chat.send", "chat.history", "chat.startup"]);

type ImplicitSessionSubscription = {
  /** Answers the request; a success makes the subscription last. */
  respond: RespondFn;
  /** Runs the request's handler. Nothing that happens meanwhile is missed, nothing is kept after a failure. */
  during: <T>(run: () => T) => T | Promise<Awaited<T>>;
};

type Request = {
  method: string;
  params: unknown;
  connId: string | undefined;
  context: Pick<GatewayRequestContext, "getRuntimeConfig" | "subscribeSessionMessageEvents">;
  respond: RespondFn;
};

function resolveSubscriptionKey({ method, params, context }: Request): string | undefined {
  if (!OPENING_METHODS.has(method) || typeof params !== "object" || params === null) {
    return undefined;
  }
  const { sessionKey, agentId } = params as { sessionKey?: unknown; agentId?: unknown };
  if (typeof sessionKey !== "string" || !sessionKey.trim()) {
    return undefined;
  }
  const cfg = context.getRuntimeConfig();
  const explicitAgentId = typeof agentId === "string" ? agentId : undefined;
  const requested = resolveRequestedSessionAgentId(cfg, sessionKey, explicitAgentId);
  if (!requested.ok) {
    // The handler says what is wrong with it.
    return undefined;
  }
  const canonicalKey = resolveSessionStoreKey({ cfg, sessionKey, storeAgentId: requested.agentId });
  return resolveSessionSubscriptionKey(canonicalKey, requested.agentId);
}

/** Prepares the subscription that a request implies; does nothing unless `gateway.sessionScopedEvents` is on. */
export function prepareImplicitSessionSubscription(request: Request): ImplicitSessionSubscription {
  const { connId, context, respond } = request;
  const enabled = context.getRuntimeConfig().gateway?.sessionScopedEvents === true;
  const key = enabled && connId ? resolveSubscriptionKey(request) : undefined;
  if (!connId || !key) {
    return { respond, during: (run) => run() };
  }
  return {
    respond: (ok, ...rest) => {
      if (ok) {
        context.subscribeSessionMessageEvents(connId, key);
      }
      respond(ok, ...rest);
    },
    during: async (run) => {
      const rollback = context.subscribeSessionMessageEvents(connId, key, { provisional: true });
      try {
        return await run();
      } finally {
        rollback?.();
      }
    },
  };
}
