/** Whether a frame's session key means the session that was asked for. */
import { canonicalSessionKey, parseAgentSessionKey, usableSessionKey } from "../policy/session-key.ts";
import type { SessionKeyDefaults } from "../policy/session-key.ts";
import { ClientError } from "./errors.ts";
import { isFields } from "./run-state.ts";

/** Reads what the gateway says in its hello about session keys. */
export function readKeyDefaults(hello: unknown): SessionKeyDefaults {
  const snapshot = isFields(hello) && isFields(hello["snapshot"]) ? hello["snapshot"] : {};
  const found = isFields(snapshot["sessionDefaults"]) ? snapshot["sessionDefaults"] : {};
  const { defaultAgentId, mainKey, scope } = found;
  return {
    ...(typeof defaultAgentId === "string" ? { defaultAgentId } : {}),
    ...(typeof mainKey === "string" ? { mainKey } : {}),
    ...(scope === "global" || scope === "per-sender" ? { scope } : {}),
  };
}

/** Checks a session key that a caller gave. @throws ClientError of kind `invalid-argument` */
export function requireSessionKey(value: unknown): string {
  const key = usableSessionKey(value);
  if (key !== undefined) return key;
  throw new ClientError(
    "invalid-argument",
    'sessionKey is missing or unusable: name a session, such as "agent:main:main"',
  );
}

/**
 * Makes the test for frames of one session. Canonical and raw forms of a key are the same key; letter case does not
 * count. Remembers the last form that matched, since the frames of a run all carry the same one.
 */
export function sessionMatcher(own: string, defaults: () => SessionKeyDefaults): (key: string) => boolean {
  let known: string | undefined;
  return (key) => {
    if (key === known) return true;
    if (!isSameSession(own, key, defaults())) return false;
    known = key;
    return true;
  };
}

function isSameSession(own: string, other: string, defaults: SessionKeyDefaults): boolean {
  if (usableSessionKey(other) === undefined) return false;
  const wanted = canonicalSessionKey(own, defaults);
  const found = canonicalSessionKey(other, defaults);
  if (wanted === found) return true;
  // 2026.9 keeps a global session for each agent; the bare name is the default agent's.
  const agent = parseAgentSessionKey(own)?.agentId ?? defaults.defaultAgentId?.toLowerCase() ?? "main";
  return wanted === "global" && found === `agent:${agent}:global`;
}
