/**
 * Reads from a request which sessions its connection is interested in.
 *
 * The table lists methods that open, read or drive one session. Looking at a list (`sessions.list`), looking a key up
 * (`sessions.resolve`: a client that wants the session sends it a message next) and changing a row (`sessions.patch`:
 * a label, a pin) is not interest in its content; nor is starting another one's run (`cron.run`).
 */

import { agentIdOf } from "./cron-keys.ts";
import { type Fields, fieldsOrNone, present, text } from "./fields.ts";

/** The effect of an accepted request on the claims of its connection. */
export type ClaimIntent =
  | NewClaim
  /** The connection leaves the sessions. */
  | (NamedSessions & { readonly kind: "unclaim" })
  /** The sessions are deleted, or all those of the agent: all claims on them end. */
  | (NamedSessions & { readonly kind: "end"; readonly ofAgent?: true })
  | { readonly kind: "roster"; readonly wanted: boolean }
  /** The connection waits for a run that was started before: it wants the rest of its frames. */
  | { readonly kind: "wait"; readonly runId: string };

export interface NewClaim extends NamedSessions {
  readonly kind: "claim";
  /** The client explicitly asked for this session's events. */
  readonly explicit: boolean;
  /**
   * How the answer changes the claimed sessions. `chosen`: also claim its `key` or `sessionKey`, which the gateway
   * chose or resolved. `started`: the same if the gateway has just started the run. `listed`: claim only those
   * sessions that it lists.
   */
  readonly answer?: "chosen" | "started" | "listed" | undefined;
  /** The answer's `runId` is a run that this connection started. */
  readonly startsRun: boolean;
  /** The releases do not know the method; the claim stands although they refuse the request for that. */
  readonly unknownMethod?: true | undefined;
}

interface NamedSessions {
  /** Session keys as the client wrote them, untrusted. */
  readonly keys: readonly unknown[];
  readonly agentId?: string | undefined;
}

interface ClaimingMethod {
  readonly field: "sessionKey" | "key" | "keys";
  readonly explicit?: true;
  readonly answer?: "chosen" | "started" | "listed";
  readonly startsRun?: true;
  readonly unknownMethod?: true;
}

const CLAIMING: ReadonlyMap<string, ClaimingMethod> = new Map<string, ClaimingMethod>([
  ["agent", { field: "sessionKey", answer: "started", startsRun: true }],
  ["board.get", { field: "sessionKey" }],
  ["chat.abort", { field: "sessionKey" }],
  ["chat.history", { field: "sessionKey" }],
  ["chat.inject", { field: "sessionKey" }],
  ["chat.message.get", { field: "sessionKey" }],
  // OpenClaw's Control UI (2026.9), for the page of a session.
  ["chat.metadata", { field: "sessionKey" }],
  ["chat.send", { field: "sessionKey", startsRun: true }],
  ["chat.startup", { field: "sessionKey" }],
  // Boards and phone apps that follow older docs: they listen after it, whatever the answer.
  ["chat.subscribe", { field: "sessionKey", explicit: true, unknownMethod: true }],
  ["progressCard.get", { field: "sessionKey" }],
  ["session.suggestions.list", { field: "sessionKey" }],
  ["sessions.abort", { field: "key" }],
  ["sessions.branches.switch", { field: "sessionKey" }],
  ["sessions.compact", { field: "key" }],
  ["sessions.compaction.branch", { field: "key", answer: "chosen" }],
  ["sessions.create", { field: "key", answer: "chosen", startsRun: true }],
  // Web back ends and bots that read a session again after a message, or on a page's request (from 2026.5 on).
  ["sessions.describe", { field: "key" }],
  ["sessions.fork", { field: "sessionKey", answer: "chosen" }],
  ["sessions.get", { field: "key" }],
  ["sessions.messages.subscribe", { field: "key", explicit: true, answer: "chosen" }],
  ["sessions.preview", { field: "keys", answer: "listed" }],
  ["sessions.recover", { field: "key" }],
  ["sessions.reset", { field: "key" }],
  ["sessions.rewind", { field: "sessionKey" }],
  ["sessions.send", { field: "key", startsRun: true }],
  ["sessions.steer", { field: "key", startsRun: true }],
  ["talk.client.create", { field: "sessionKey" }],
  ["talk.client.steer", { field: "sessionKey", startsRun: true }],
  ["talk.client.toolCall", { field: "sessionKey", startsRun: true }],
  ["talk.realtime.session", { field: "sessionKey" }],
  ["talk.session.create", { field: "sessionKey" }],
  ["talk.session.steer", { field: "sessionKey", startsRun: true }],
]);

/** The methods that claim the sessions they name. */
export const CLAIMING_METHODS: readonly string[] = [...CLAIMING.keys()];

/** The number of non-blank keys in a list that the gateway reads, on all releases with `sessions.preview`. */
const MAX_KEYS = 64;

/**
 * Reads the claim from a request.
 *
 * @param method gateway method, e.g. `chat.send`
 * @param params the request's parameters, untrusted in shape
 * @returns undefined for requests that change no claim
 */
export function claimIntent(method: string, params: unknown): ClaimIntent | undefined {
  const body = fieldsOrNone(params);
  const agentId = text(body["agentId"]);
  switch (method) {
    case "sessions.subscribe":
    case "sessions.unsubscribe":
      return { kind: "roster", wanted: method === "sessions.subscribe" };
    case "sessions.messages.unsubscribe":
      return { kind: "unclaim", keys: valuesOf(body, "key"), agentId };
    case "sessions.delete":
      return { kind: "end", keys: valuesOf(body, "key"), agentId };
    case "agent.wait":
      return waitFor(body["runId"]);
    case "agents.delete":
      return { kind: "end", keys: [], agentId, ofAgent: true };
  }
  const claiming = CLAIMING.get(method);
  if (!claiming) return undefined;
  const named = valuesOf(body, claiming.field);
  const keys = named.length === 0 && method === "agent" ? mainSession(body, agentId) : ofAgent(method, named, agentId);
  return {
    kind: "claim",
    keys,
    agentId,
    explicit: claiming.explicit === true,
    answer: claiming.answer,
    startsRun: claiming.startsRun === true,
    ...(claiming.unknownMethod && { unknownMethod: true }),
  };
}

/** Run ids are UUIDs, or idempotency keys of the client's; longer ones are not remembered. */
export const MAX_RUN_ID_LENGTH = 256;

/** `openclaw acp` and pages of browser back ends ask on a new connection whether their run goes on. */
function waitFor(runId: unknown): ClaimIntent | undefined {
  // The gateway trims it, too.
  const id = typeof runId === "string" ? runId.trim() : "";
  return id !== "" && id.length <= MAX_RUN_ID_LENGTH ? { kind: "wait", runId: id } : undefined;
}

function valuesOf(body: Fields, field: ClaimingMethod["field"]): readonly unknown[] {
  const value = body[field];
  if (field === "keys") return Array.isArray(value) ? value.filter(isWritten).slice(0, MAX_KEYS) : [];
  return present(value) ? [value] : [];
}

function isWritten(key: unknown): key is string {
  return typeof key === "string" && key.trim() !== "";
}

/** Up to 2026.7 all other methods ignore or refuse an agent next to a raw key. */
const QUALIFIES_KEYS: ReadonlySet<string> = new Set(["sessions.abort", "sessions.create"]);

/**
 * Session keys as the gateway reads them next to an agent: these methods qualify a raw key themselves, and the release's
 * own resolver, which makes keys canonical, ignores the agent up to 2026.7.
 */
function ofAgent(method: string, keys: readonly unknown[], agentId: string | undefined): readonly unknown[] {
  if (agentId === undefined || !QUALIFIES_KEYS.has(method)) return keys;
  return keys.map((key) => (isRaw(key) ? `agent:${agentIdOf(agentId)}:${key.trim()}` : key));
}

/** Whether a key leaves its agent open. */
function isRaw(key: unknown): key is string {
  return isWritten(key) && !/^\s*(?:agent:|(?:global|unknown)\s*$)/i.test(key);
}

/** `agent` with an agent and no other target runs in that agent's main session. */
function mainSession(body: Fields, agentId: string | undefined): readonly string[] {
  return agentId && !body["sessionId"] && !body["to"] ? [`agent:${agentIdOf(agentId)}:main`] : [];
}
