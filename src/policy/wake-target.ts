/**
 * Where an event of a cron run belongs: the queue that the agent's heartbeat drains, and the wake
 * that makes it do so. Mirrors upstream PRs #50818 and #80214. No configuration is read here.
 */
import { parseAgentSessionKey } from "./session-key.ts";

/** `session.scope` of the configuration. */
export type SessionScope = "per-sender" | "global";

/** `cron:<job>` as 2026.2 runs jobs, `cron:<job>:run:<run>` as later releases do, and what a run spawned. */
const CRON_RUN = /^cron:[^:]+(?:$|:run:[^:]+(?::|$))/i;

/** The same without a run's id: up to 2026.2 the key of a run, later that of the job's own session. */
const CRON_JOB = /^cron:[^:]+$/i;

/**
 * Whether a session key is that of a cron run or of what one spawned, in any letter case. Mirrors
 * upstream's `isCronRunSessionKey`, and knows 2026.2's key without `:run:` too.
 *
 * @param sessionKey anything; what is not an agent-qualified key is no cron run's
 */
export function isCronRunSessionKey(sessionKey: unknown): boolean {
  return cronRunAgent(sessionKey) !== undefined;
}

/**
 * Whether a key is `agent:<id>:cron:<job>`, which names a run on 2026.2 only.
 *
 * @param sessionKey anything
 */
export function isCronJobSessionKey(sessionKey: unknown): boolean {
  return typeof sessionKey === "string" && CRON_JOB.test(parseAgentSessionKey(sessionKey)?.rest ?? "");
}

/**
 * The queue in which an event is drained. Mirrors upstream's `resolveEventSessionKey`. Idempotent,
 * and the identity on every key that is not a cron run's.
 *
 * @param sessionKey the key that the event was raised under
 * @param mainKey `session.mainKey`, `main` if unset
 * @param scope `session.scope`
 * @returns the agent's main session, or `global` under scope `global`
 */
export function resolveEventSessionKey(sessionKey: string, mainKey?: string, scope?: SessionScope): string {
  const agentId = cronRunAgent(sessionKey);
  if (agentId === undefined) return sessionKey;
  return scope === "global" ? "global" : agentMainKey(agentId, mainKey);
}

/**
 * The wake that goes with {@link resolveEventSessionKey}. Mirrors upstream's function of the name.
 *
 * @param sessionKey the key that the event was raised under
 * @param wakeOptions the wake's other options
 * @param mainKey `session.mainKey`, `main` if unset
 * @param scope `session.scope`
 * @returns the options with the session to wake; under scope `global` with the agent's id and no
 *   session for a cron run; as they are for a key that names no agent
 */
export function scopedHeartbeatWakeOptions<T extends object>(
  sessionKey: string,
  wakeOptions: T,
  mainKey?: string,
  scope?: SessionScope,
): T & { sessionKey?: string; agentId?: string } {
  const agentId = cronRunAgent(sessionKey);
  if (agentId === undefined) {
    return typeof sessionKey === "string" && parseAgentSessionKey(sessionKey)
      ? { ...wakeOptions, sessionKey }
      : wakeOptions;
  }
  if (scope !== "global") return { ...wakeOptions, sessionKey: agentMainKey(agentId, mainKey) };
  const { sessionKey: _, ...rest } = wakeOptions as T & { sessionKey?: string };
  return { ...(rest as T), agentId };
}

const FINISHED = /^exec finished(?::|\s*\()/i;
const STRUCTURED = /^exec (?:completed|failed) \([a-z0-9_-]{1,64}, (?:code -?\d+|signal [^)]+)\)(?: :: |$)/i;

/**
 * Whether a system event reports the end of a command. Mirrors upstream's `isExecCompletionEvent`.
 *
 * @param text the event's text; only its start counts
 */
export function isExecCompletionEvent(text: string): boolean {
  if (typeof text !== "string") return false;
  const start = text.trimStart();
  return FINISHED.test(start) || STRUCTURED.test(start);
}

/** Whether a reply is a heartbeat's acknowledgement and nothing else, whatever marks stand around it. */
export function isHeartbeatAck(text: unknown): boolean {
  return typeof text === "string" && /^\W{0,16}HEARTBEAT_OK\W{0,16}$/.test(text);
}

/** The agent of a cron run's key, as upstream writes agent ids. */
function cronRunAgent(sessionKey: unknown): string | undefined {
  if (typeof sessionKey !== "string") return undefined;
  const parsed = parseAgentSessionKey(sessionKey);
  if (!parsed || parsed.agentId.trim() === "" || !CRON_RUN.test(parsed.rest)) return undefined;
  return agentIdOf(parsed.agentId);
}

function agentMainKey(agentId: string, mainKey: string | undefined): string {
  return `agent:${agentId}:${mainKey?.trim().toLowerCase() || "main"}`;
}

/**
 * An agent id as the gateway names the agent: lower case, at most 64 of `a-z0-9_-`, others turned
 * into dashes, and `main` if nothing is left. Mirrors upstream's `normalizeAgentId`. Idempotent.
 */
export function agentIdOf(value: string): string {
  const id = value.trim().toLowerCase();
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/.test(id)) return id;
  const cut = id
    .replaceAll(/[^a-z0-9_-]+/g, "-")
    .replace(/^-+/, "")
    .replace(/-+$/, "")
    .slice(0, 64);
  return cut || "main";
}
