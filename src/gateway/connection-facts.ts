/** What the gateway knows about a connection, read from its own objects. */
import { type ConnectionFacts, MAX_MATCH_LENGTH } from "../policy/connection-match.ts";
import { text } from "../policy/fields.ts";
import type { GatewayClient } from "./types.ts";

/**
 * Reads the facts as they are now: 2026.9 adds a user's profile after the connection was made, and can change scopes.
 * Leaves out values of the wrong type, and self-reported names that are longer than any match.
 */
export function connectionFacts(client: GatewayClient): ConnectionFacts {
  const { role, scopes, client: self, device, userAgent } = client.connect;
  return {
    clientId: text(self?.id),
    mode: text(self?.mode),
    displayName: ownWord(self?.displayName),
    userAgent: ownWord(userAgent),
    deviceId: text(device?.id),
    user: text(client.authenticatedUserId),
    profile: text(client.authenticatedUserProfile?.profileId),
    role: text(role) ?? "operator",
    scopes: Array.isArray(scopes) ? scopes.filter((scope): scope is string => typeof scope === "string") : [],
  };
}

function ownWord(value: unknown): string | undefined {
  const word = text(value);
  return word !== undefined && word.length <= MAX_MATCH_LENGTH ? word : undefined;
}
