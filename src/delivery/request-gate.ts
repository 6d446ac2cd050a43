/** The two steps of a request that concern delivery: whether the rules allow it, and what it claims. */
import type { GatewayScope } from "./gateway-scope.ts";
import type { GatewayClient, GatewayError } from "../gateway/types.ts";
import type { RequestReader, Step } from "./requests.ts";
import { MESSAGES } from "../messages.ts";

/** What the steps need of the process around them. */
export interface RequestGateHost {
  /** The scope that a client connected to, else the current one. */
  scopeOf(client?: GatewayClient): GatewayScope | undefined;
  /** Called before the access rules are looked at. */
  rulesMayChange(): void;
}

/** Step `access`: stops a request that the rules deny, and filters the answers to all others. */
export function accessStep({ scopeOf, rulesMayChange }: RequestGateHost): Step {
  return ({ client, nested, method, params }) => {
    if (!client || nested) return undefined;
    const scope = scopeOf(client);
    try {
      // Without rules a request costs nothing here; the first rule is noticed within a second.
      if (!scope?.access.hasRules) return undefined;
      rulesMayChange();
      // A client without a socket is not a connection, such as the command line's own request. A client that was a
      // connection when it asked is still under the rules.
      const connection = scope.connection(client) ?? (client.socket ? client : undefined);
      return connection && scope.access.admit(connection, method, params);
    } catch {
      return failed(scope, method);
    }
  };
}

/** Step `claims`: the sessions that the request opens or leaves, once the gateway has accepted it. */
export function claimsStep({ scopeOf }: RequestGateHost): Step {
  return ({ client, nested, method, intent, keys }) => {
    if (!intent) return undefined;
    const scope = scopeOf(client);
    try {
      const open = client && !nested ? scope?.connection(client) : undefined;
      if (open && (intent.kind === "claim" || intent.kind === "wait")) scope?.connections.asked(open);
      // A synthetic client, e.g. of the command line's own request, is not a connection and claims nothing.
      if (open || !client?.socket || nested) return scope?.requests.begin(open, intent, keys);
      return scope?.requests.beginLate(client, intent, keys);
    } catch {
      return failed(scope, method);
    }
  };
}

/** How requests are read: by the keys of the scope that their connection belongs to. */
export function requestReader({ scopeOf }: RequestGateHost): RequestReader {
  return {
    keysOf: (intent, client) => scopeOf(client)?.requests.keysOf(intent) ?? [],
    unreadable: (client, method) => failed(scopeOf(client), String(method)).refuse,
  };
}

/**
 * A client that leaves a session must learn if that failed; a client that opens one must learn that no events will
 * come.
 */
function failed(scope: GatewayScope | undefined, what: string): { refuse: GatewayError } {
  scope?.counters.count("(request)", "error");
  return {
    refuse: {
      code: "UNAVAILABLE",
      message: MESSAGES.requestFailed(what),
      retryable: true,
      details: { reason: "isolation-failed" },
    },
  };
}
