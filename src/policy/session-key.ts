/**
 * The grammar of session keys: `agent:<agentId>:<rest>`, `global`, `unknown`, or a raw key
 * such as `main` that the gateway qualifies with its default agent.
 */

/** Longest session key that is tracked, in UTF-16 code units. Longer ones are treated as malformed. */
export const MAX_SESSION_KEY_LENGTH = 1024;

/** An agent-qualified session key, split. */
export interface AgentSessionKey {
  readonly agentId: string;
  /** Everything behind the agent id: `main`, `telegram:dm:42`, `cron:<job>:run:<uuid>`. */
  readonly rest: string;
}

/** Turns a value into a session key; undefined for a value that cannot be one. */
export type KeyReader = (value: unknown, agentId: string | undefined) => string | undefined;

/** The gateway's configuration for keys. All fields as in `openclaw.json`. */
export interface SessionKeyDefaults {
  readonly defaultAgentId?: string;
  /** `session.mainKey`; upstream forces it to `main`. */
  readonly mainKey?: string;
  /** `session.scope`: `global` folds every main session into one. */
  readonly scope?: "per-sender" | "global";
}

// oxlint-disable-next-line no-control-regex -- control characters are exactly what is refused
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/**
 * Trims a session key and checks whether it can be one at all.
 *
 * @param value anything that a client or a payload has in the place of a session key
 * @returns the trimmed key; undefined for a value that is not a string, is blank, is longer than {@link
 *   MAX_SESSION_KEY_LENGTH} or contains control characters
 */
export function usableSessionKey(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  // Length first: trimming and matching a megabyte is work that a hostile client could order.
  if (value.length > MAX_SESSION_KEY_LENGTH) return undefined;
  const key = value.trim();
  return key === "" || CONTROL_CHARACTERS.test(key) ? undefined : key;
}

/**
 * Splits an agent-qualified session key. Mirrors upstream's `parseAgentSessionKey`.
 *
 * @returns undefined unless the key has at least the three parts `agent:<agentId>:<rest>`
 */
export function parseAgentSessionKey(key: string): AgentSessionKey | undefined {
  const match = /^agent:([^:]+):(.+)$/i.exec(key.trim());
  return match ? { agentId: match[1]!.toLowerCase(), rest: match[2]! } : undefined;
}

/**
 * The key under which the gateway stores a session, for releases that do not expose their own
 * `resolveSessionStoreKey`. Idempotent.
 *
 * @param key a usable key, raw or qualified
 */
export function canonicalSessionKey(key: string, defaults: SessionKeyDefaults = {}): string {
  const trimmed = key.trim();
  const lower = trimmed.toLowerCase();
  if (lower === "global" || lower === "unknown") return lower;
  const parsed = parseAgentSessionKey(trimmed);
  const agentId = parsed?.agentId ?? (defaults.defaultAgentId ?? "main").toLowerCase();
  const rest = (parsed?.rest ?? trimmed).toLowerCase();
  if (rest === "main" || rest === defaults.mainKey?.toLowerCase()) {
    return defaults.scope === "global" ? "global" : `agent:${agentId}:main`;
  }
  return `agent:${agentId}:${rest}`;
}
