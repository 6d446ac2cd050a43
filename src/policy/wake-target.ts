/** Which session an explicit wake or system event means, or why it means none. */
import { canonicalSessionKey, parseAgentSessionKey, usableSessionKey } from "./session-key.ts";
import { agentIdOf, resolveEventSessionKey, type SessionScope } from "./cron-keys.ts";
import { present } from "./fields.ts";
import { MESSAGES } from "../messages.ts";

/** The target in a request; untrusted. An agent alone means that agent's main session. */
export interface WakeRequest {
  readonly sessionKey?: unknown;
  readonly agentId?: unknown;
}

/** The gateway's configuration of agents and sessions. */
export interface WakeConfig {
  /** As written, or as the gateway names them. */
  readonly agentIds: readonly string[];
  readonly defaultAgentId: string;
  /** `session.mainKey`, `main` if unset. */
  readonly mainKey?: string;
  /** `session.scope`. */
  readonly scope?: SessionScope;
}

/** The session to wake and its agent, or an error in the shape of upstream's answers. */
export type WakeTarget =
  | { readonly ok: true; readonly sessionKey: string; readonly agentId: string }
  | { readonly ok: false; readonly error: { readonly code: "INVALID_REQUEST"; readonly message: string } };

/**
 * A session key or an agent id as given.
 *
 * @returns undefined for null and an empty text: releases take both as not given
 */
export function given(value: unknown): unknown {
  return present(value) ? value : undefined;
}

/**
 * Makes the session key of a targeted wake canonical. Never reroutes silently: a key that is malformed, of an agent
 * that does not exist, of a sub-agent (which has no heartbeat), or that contradicts `agentId` is an error. A cron
 * run's key means the queue that is drained. Idempotent; mirrors upstream PR #80214.
 */
export function canonicalizeWakeSessionKey(request: WakeRequest, config: WakeConfig): WakeTarget {
  const agentAlone = request.sessionKey === undefined && request.agentId !== undefined;
  const key = usableSessionKey(agentAlone ? MAIN : request.sessionKey);
  if (key === undefined) return refused(MESSAGES.noSessionKey);
  const parsed = parseAgentSessionKey(key);
  if (!parsed && /^agent(?::|$)/i.test(key)) return refused(MESSAGES.malformedSessionKey(key));
  if (request.agentId !== undefined && (typeof request.agentId !== "string" || request.agentId.trim() === "")) {
    return refused(MESSAGES.noAgentId);
  }
  const named = (request.agentId as string | undefined)?.trim().toLowerCase();
  const written = parsed?.agentId.trim() ?? named ?? agentIdOf(config.defaultAgentId);
  const agentId = configuredAgent(written, config);
  if (named !== undefined && named !== written && (configuredAgent(named, config) ?? named) !== agentId) {
    return refused(MESSAGES.otherAgentId(named, written));
  }
  if (agentId === undefined) return refused(MESSAGES.unknownAgentId(written));
  if (/^subagent:/i.test(parsed?.rest ?? key)) return refused(MESSAGES.subagentSession);
  const { mainKey, scope } = config;
  const qualified = parsed || key.toLowerCase() !== "global" ? `agent:${agentId}:${parsed?.rest ?? key}` : key;
  const drained = resolveEventSessionKey(qualified, mainKey, scope);
  const defaults = { defaultAgentId: agentId, ...(mainKey ? { mainKey } : {}), ...(scope ? { scope } : {}) };
  return { ok: true, sessionKey: canonicalSessionKey(drained, defaults), agentId };
}

/** The gateway's name for an agent that a request names in either form, in lower case; undefined for any other name. */
function configuredAgent(name: string, { agentIds }: WakeConfig): string | undefined {
  const known = agentIds.find((id) => agentIdOf(id) === name || id.trim().toLowerCase() === name);
  return known === undefined ? undefined : agentIdOf(known);
}

/** Any agent's main session, whatever `session.mainKey` is. */
const MAIN = "main";

function refused(message: string): WakeTarget {
  return { ok: false, error: { code: "INVALID_REQUEST", message } };
}
