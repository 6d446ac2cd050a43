/** Where the system events of a session go, and the wakes that follow them. */
import { loadConfig } from "../config/config.js";
import { isCronRunSessionKey, parseAgentSessionKey } from "../sessions/session-key-utils.js";
import { buildAgentMainSessionKey } from "./session-key.js";

type EventSession = { mainKey?: string; scope?: string };

/**
 * The session whose queue a heartbeat drains for events of `sessionKey`. A cron run is over when its
 * background work reports back: its events belong to the agent's main session, or to the global one.
 */
export function resolveEventSessionKey(
  sessionKey: string,
  session: EventSession = loadConfig().session ?? {},
): string {
  const agentId = isCronRunSessionKey(sessionKey)
    ? parseAgentSessionKey(sessionKey)?.agentId
    : undefined;
  if (!agentId) {
    return sessionKey;
  }
  if (session.scope === "global") {
    return "global";
  }
  return buildAgentMainSessionKey({ agentId, mainKey: session.mainKey });
}

/**
 * Wake options for an event of `sessionKey`. The wake of a cron run's event is immediate: an event
 * wake is dropped while the main session's next heartbeat is not due.
 */
export function resolveEventWakeOptions<T extends object>(
  sessionKey: string,
  wakeOptions: T,
  session: EventSession = loadConfig().session ?? {},
): T | (T & { sessionKey: string }) | (T & { agentId: string }) {
  const agentId = parseAgentSessionKey(sessionKey)?.agentId;
  if (!agentId) {
    return wakeOptions;
  }
  const eventSessionKey = resolveEventSessionKey(sessionKey, session);
  if (eventSessionKey === sessionKey) {
    return { ...wakeOptions, sessionKey };
  }
  const immediate = "intent" in wakeOptions ? { intent: "immediate" } : {};
  return session.scope === "global"
    ? { ...wakeOptions, ...immediate, agentId }
    : { ...wakeOptions, ...immediate, sessionKey: eventSessionKey };
}
