/**
 * Where an event of a cron run belongs: the queue that the agent's heartbeat drains, and the wake
 * that makes it do so. Mirrors upstream PRs #50818 and #80214. No configuration is read here.
 */
import { parseAgentSessionKey } from "./session-key.ts";

/** `session.scope` of the configuration. */
export type SessionScope = "per-sender" | "global";

/**
 * Whether a session key is that of a cron run or of a session that one spawned, in any letter case. Mirrors
 * upstream's `isCronRunSessionKey`, and also accepts 2026.2's key without `:run:`.
 *
 * @param sessionKey anything; only an agent-qualified key can be a cron run's
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
  const part = cronPart(sessionKey);
  return part !== undefined && part.run === undefined;
}

/**
 * Whether a session key is that of a webhook's run: `agent:<id>:hook:<id of the run, or a name>`.
 *
 * @param sessionKey anything
 */
export function isHookSessionKey(sessionKey: unknown): boolean {
  return typeof sessionKey === "string" && /^hook:./i.test(parseAgentSessionKey(sessionKey)?.rest ?? "");
}

/**
 * The queue in which an event is drained. Mirrors upstream's `resolveEventSessionKey`. Idempotent, and leaves every
 * key that is not a cron run's unchanged.
 *
 * @param sessionKey the key that the event was raised under
 * @param mainKey `session.mainKey`, `main` if unset
 * @param scope `session.scope`
 * @returns the agent's main session, or `global` under scope `global`
 */
export function resolveEventSessionKey(sessionKey: string, mainKey?: string, scope?: SessionScope): string {
  const agentId = cronRunAgent(sessionKey);
  return agentId === undefined ? sessionKey : mainSessionKey(agentId, mainKey, scope);
}

/** The main session of an agent: `global` under scope `global`. Parameters as of {@link resolveEventSessionKey}. */
export function mainSessionKey(agentId: string, mainKey?: string, scope?: SessionScope): string {
  return scope === "global" ? "global" : agentMainKey(agentId, mainKey);
}

/**
 * The wake that goes with {@link resolveEventSessionKey}. Mirrors upstream's function of that name.
 *
 * @param sessionKey the key that the event was raised under
 * @param wakeOptions the wake's other options
 * @param mainKey `session.mainKey`, `main` if unset
 * @param scope `session.scope`
 * @returns the options with the session to wake; under scope `global` with the agent's id and no session for a cron
 *   run; as they are for a key that names no agent
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
  return { ...(rest as T), agentId: cronPart(sessionKey)!.agentId };
}

/**
 * Whether a system event reports the end of a command. Mirrors upstream's `isExecCompletionEvent`.
 *
 * @param text the event's text; only its start counts
 */
export function isExecCompletionEvent(text: string): boolean {
  if (typeof text !== "string") return false;
  const start = text.trimStart();
  const [word = "", verdict = ""] = start.toLowerCase().split(/[ (:]/, 2);
  if (word !== "exec") return false;
  const rest = start.slice(`exec ${verdict}`.length);
  // A node's wording.
  if (verdict === "finished") return rest.startsWith(":") || rest.trimStart().startsWith("(");
  if (verdict !== "completed" && verdict !== "failed") return false;
  // The wording of the registry of background commands: ` (<id>, <how>)`, and perhaps the output.
  const close = rest.indexOf(")");
  if (!rest.startsWith(" (") || close < 0) return false;
  const [id = "", how = ""] = splitOnce(rest.slice(2, close), ", ");
  const output = rest.slice(close + 1);
  return (
    id.length <= 64 &&
    /^[\w-]+$/.test(id) &&
    /^code -?\d+$|^signal ./i.test(how) &&
    (output === "" || output.startsWith(" :: "))
  );
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Whether a reply is only a heartbeat's acknowledgement, with any marks around it. */
export function isHeartbeatAck(text: unknown): boolean {
  return typeof text === "string" && /^\W{0,16}HEARTBEAT_OK\W{0,16}$/.test(text);
}

interface CronPart {
  readonly agentId: string;
  /** Undefined for a key that ends with the job. */
  readonly run: string | undefined;
}

/** What a cron run's key says: `cron:<job>` on 2026.2, `cron:<job>:run:<run>` later, or a descendant of one. */
function cronPart(sessionKey: unknown): CronPart | undefined {
  if (typeof sessionKey !== "string") return undefined;
  const parsed = parseAgentSessionKey(sessionKey);
  const agentId = parsed?.agentId.trim();
  if (!parsed || !agentId) return undefined;
  const [kind = "", job, run, id] = parsed.rest.split(":");
  if (kind.toLowerCase() !== "cron" || !job) return undefined;
  if (run === undefined) return { agentId, run: undefined };
  return run.toLowerCase() === "run" && id ? { agentId, run: id } : undefined;
}

/** The agent of a cron run's key, as upstream writes agent ids in keys. */
function cronRunAgent(sessionKey: unknown): string | undefined {
  const part = cronPart(sessionKey);
  return part && agentIdOf(part.agentId);
}

function agentMainKey(agentId: string, mainKey: string | undefined): string {
  return `agent:${agentId}:${mainKey?.trim().toLowerCase() || "main"}`;
}

/**
 * An agent id as the gateway names the agent: lower case, at most 64 of `a-z0-9_-`, others turned
 * into dashes, and `main` if nothing is left. Mirrors upstream's `normalizeAgentId`. Idempotent.
 */
export function agentIdOf(value: string): string {
  const trimmed = value.trim();
  const id = trimmed.toLowerCase();
  // Check the original spelling: some letters outside ASCII become ASCII in lower case.
  const usable = /^[a-z0-9]/i.test(trimmed) && !/[^\w-]/.test(trimmed) && trimmed.length <= 64;
  if (usable) return id;
  const words = id.split(/[^\w-]+/).join("-");
  let [start, end] = [0, words.length];
  while (words[start] === "-") start += 1;
  while (end > start && words[end - 1] === "-") end -= 1;
  return words.slice(start, end).slice(0, 64) || "main";
}
