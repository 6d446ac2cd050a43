/** What each request of a connection is asked before the gateway sees it, and what is refused when that fails. */
import type { GatewayScope } from "./gateway-scope.ts";
import type { GatewayClient, GatewayError } from "../gateway/types.ts";
import type { RequestGate } from "./requests.ts";
import { claimIntent } from "../policy/claim-intent.ts";

/** What the gate needs of the process around it. */
export interface RequestGateHost {
  /** The scope that a client connected to, else the current one. */
  scopeOf(client?: GatewayClient): GatewayScope | undefined;
  /** Called before the access rules are looked at. */
  rulesMayChange(): void;
}

/** Joins requests to the claims and access rules of the scope that their connection belongs to. Throws nothing. */
export function requestGate({ scopeOf, rulesMayChange }: RequestGateHost): RequestGate {
  return {
    admit(client, method, params) {
      const scope = scopeOf(client);
      try {
        // Without rules a request costs nothing here; the first rule is noticed within a second.
        if (!scope?.access.hasRules) return undefined;
        rulesMayChange();
        // Who is no connection, such as the command line's own request, is not under the rules; who was one
        // when it asked still is.
        const connection = scope.connection(client) ?? (client.socket ? client : undefined);
        return connection && scope.access.admit(connection, method, params);
      } catch {
        return failed(scope, method);
      }
    },
    intentOf(method, params) {
      try {
        return claimIntent(method, params);
      } catch {
        return failed(scopeOf(), method);
      }
    },
    begin(client, intent) {
      const scope = scopeOf(client);
      try {
        // A synthetic client, e.g. of the command line's own request, is no connection and claims nothing.
        return scope?.begin(client && scope.connection(client), intent);
      } catch {
        return failed(scope, intent.kind);
      }
    },
  };
}

/** Who leaves a session has to know if that failed, and who opens one that nothing of it will come. */
function failed(scope: GatewayScope | undefined, what: string): { refuse: GatewayError } {
  scope?.counters.count("(request)", "error");
  return {
    refuse: {
      code: "UNAVAILABLE",
      message: `event-isolation: failed on this request (${what}), which was not passed on; please report it`,
      retryable: true,
      details: { reason: "isolation-failed" },
    },
  };
}
