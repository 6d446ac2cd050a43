/** What the gateway knows of a connection, read off its own objects. */
import type { ConnectionFacts } from "../policy/connection-match.ts";
import { text } from "../policy/fields.ts";
import type { GatewayClient } from "./types.ts";

/**
 * Reads the facts as they are now: 2026.9 adds a user's profile after the connection was made, and
 * can change scopes. What has another type than it should is left out.
 */
export function connectionFacts(client: GatewayClient): ConnectionFacts {
  const { role, scopes, client: self, device } = client.connect;
  return {
    clientId: text(self?.id),
    mode: text(self?.mode),
    deviceId: text(device?.id),
    user: text(client.authenticatedUserId),
    profile: text(client.authenticatedUserProfile?.profileId),
    role: text(role) ?? "operator",
    scopes: Array.isArray(scopes) ? scopes.filter((scope): scope is string => typeof scope === "string") : [],
  };
}
