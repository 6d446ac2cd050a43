/** Recipient projection of `heartbeat` events: their preview is session text. */

type SessionSubscribers = { get: (sessionKey: string) => ReadonlySet<string> };

/**
 * Prepares what each recipient of a heartbeat event gets. Everybody learns how the heartbeat
 * went; what it said is for the subscribers of its session only. Without a session, for nobody.
 *
 * Returns undefined if nothing must be withheld.
 */
export function prepareHeartbeatEventProjection(
  event: string,
  payload: unknown,
  sessionKeys: readonly string[],
  subscribers: SessionSubscribers | undefined,
): ((client: { connId: string }) => unknown) | undefined {
  if (event !== "heartbeat" || typeof payload !== "object" || payload === null) {
    return undefined;
  }
  if (!("preview" in payload) || payload.preview === undefined) {
    return undefined;
  }
  const { preview: _preview, ...status } = payload;
  return (client) =>
    sessionKeys.some((key) => subscribers?.get(key).has(client.connId)) ? payload : status;
}
