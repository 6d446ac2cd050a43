/**
 * Which queue a session's messages and heartbeats take events from, on releases whose key resolver keeps letter case
 * (2026.2, 2026.3). There, the method `agent` and the HTTP endpoints run a turn under the key as the client wrote it,
 * such as `main` or `agent:dev:Web`, and take events from no queue; messages and heartbeats know the canonical key
 * only. The two may be entries of one session, or two sessions.
 */
import type { GatewayConfig } from "../gateway/types.ts";
import { foldsCase, type KeyFunctions } from "../gateway/session-keys.ts";
import { parseAgentSessionKey } from "../policy/session-key.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import { agentIdOf } from "../policy/cron-keys.ts";

/** What the search needs of the process around it. */
interface QueueHost {
  /** May throw. */
  config(): GatewayConfig;
  /** The gateway's own canonical form of a key. May throw. */
  canonical(key: unknown, agentId: string): string | undefined;
  originals(name: string): readonly ((...args: never[]) => unknown)[];
}

type ResolveSession = (cfg: GatewayConfig, agentId: string, heartbeat: object) => unknown;

/**
 * The key of the queue for events that were raised under a session's key. May throw.
 *
 * @param key as the release has it
 * @param defaultAgent the agent of keys that name none
 * @returns undefined if no message and no heartbeat of that session takes them
 */
export function drainedQueue(key: string, defaultAgent: string, host: QueueHost): string | undefined {
  const cfg = host.config();
  const storeKey = host.originals("resolveSessionStoreKey").at(-1) as KeyFunctions["storeKey"];
  if (!storeKey || foldsCase(storeKey, cfg)) return key;
  const canonical = host.canonical(key, parseAgentSessionKey(key)?.agentId ?? defaultAgent);
  if (canonical === undefined || canonical === key) return key;
  const agentId = agentIdOf(parseAgentSessionKey(canonical)?.agentId ?? defaultAgent);
  const resolve = host.originals("resolveHeartbeatSession").at(-1) as ResolveSession | undefined;
  // Under scope global heartbeats know no session but the global one.
  const scope = canonical === "global" ? {} : { session: { ...cfg.session, scope: "per-sender" as const } };
  const found = fieldsOrNone(resolve?.({ ...cfg, ...scope }, agentId, { session: canonical }));
  const turns = fieldsOrNone(fieldsOrNone(found["store"])[key])["sessionId"];
  const same = turns !== undefined && turns === fieldsOrNone(found["entry"])["sessionId"];
  return same && found["sessionKey"] === canonical ? canonical : undefined;
}
