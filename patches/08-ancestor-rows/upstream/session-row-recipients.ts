/** Which sessions' rows a connection gets along with the events of other sessions. */
import { resolveSessionSubscriptionKey } from "./session-subscription-keys.js";

type Subscribers = {
  sessionEventSubscribers: { getAll: () => ReadonlySet<string> };
  sessionMessageSubscribers: { get: (sessionKey: string) => ReadonlySet<string> };
};

/**
 * Whether a connection has asked for the row of a session: by the broad `sessions.subscribe`, whose
 * roster has all of them, or by a subscription to that session. A row holds the last message.
 */
export function receivesSessionRow(
  client: { connId: string },
  session: { key: string; agentId: string },
  { sessionEventSubscribers, sessionMessageSubscribers }: Subscribers,
): boolean {
  const key = resolveSessionSubscriptionKey(session.key, session.agentId);
  return (
    sessionEventSubscribers.getAll().has(client.connId) ||
    sessionMessageSubscribers.get(key).has(client.connId)
  );
}
