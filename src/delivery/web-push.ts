/** Web push by the access rules: notifications of browsers that are subscribed, connected or not. */
import type { GatewayClient } from "../gateway/types.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import type { AccessGuard } from "./access-guard.ts";

type Asks = (params: unknown) => unknown;

/**
 * Wraps `canReceiveSessionEvent` of 2026.8 and newer, which the release asks for every frame, and for every subscribed
 * browser before it notifies it of an event.
 *
 * @param rules of the running gateway
 */
export function pushesByRules(
  original: Asks,
  rules: () => Pick<AccessGuard, "hasRules" | "mayNotify"> | undefined,
): Asks {
  return function canReceiveSessionEvent(params) {
    const guard = rules();
    if (guard?.hasRules && isDenied(guard, params)) return false;
    return original(params);
  };
}

function isDenied(guard: Pick<AccessGuard, "mayNotify">, params: unknown): boolean {
  const { client, sessionKeys } = fieldsOrNone(params);
  const { client: self } = fieldsOrNone(fieldsOrNone(client)["connect"]);
  // The release asks in the name of a client that it makes up for the browser.
  if (fieldsOrNone(self)["version"] !== "web-push") return false;
  return !guard.mayNotify(client as GatewayClient, Array.isArray(sessionKeys) ? sessionKeys : []);
}
