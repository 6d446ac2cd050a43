/** Filters an answer for a connection under access rules. */
import type { ClaimAccess } from "./claims.ts";
import { type Fields, fieldsOf, fieldsOrNone, present } from "./fields.ts";
import { NAMES_SESSION, sessionKeysIn } from "./session-keys-in.ts";
import { type KeyReader, parseAgentSessionKey } from "./session-key.ts";

/** Deeper than any answer of the releases; deeper content is left out. */
const MAX_DEPTH = 16;

/** What a session said: in the answers of `chat.history` and `chat.startup`, and alone in others. */
const TRANSCRIPT = new Set(["message", "messages", "activity", "pendingInputs", "inFlightRun"]);

/** `swarm:<session key>:<run id>` */
const SWARM_GROUP = "swarmGroupId";

/**
 * A copy of an answer without the rows of sessions that are not allowed: items of lists and nested objects that name
 * one by `sessionKey` or `key`, entries of maps from keys, and references to one. A `count` next to a list of
 * sessions is adjusted. The messages of a transcript stay as they are: they belong to the session that was asked for.
 *
 * @param agentId whose sessions keys without an agent are, as `global`: the one that the request names
 */
export function allowedRows(payload: unknown, access: ClaimAccess, canonical: KeyReader, agentId?: string): unknown {
  const denies = (value: unknown, owner: Fields | undefined, outer: string | undefined): boolean => {
    const named = owner && agentIn(owner);
    const key = canonical(value, named ?? (isQualified(value) ? undefined : outer));
    return key === undefined || !access.allows(key);
  };
  const isDeniedRow = (value: unknown, outer: string | undefined): boolean => {
    if (typeof value === "string") return isQualified(value) && denies(value, undefined, outer);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const row = value as Fields;
    // A child's approval, in the answer of its parent's subscription.
    if (present(row["sourceSessionKey"]) && denies(row["sourceSessionKey"], undefined, outer)) return true;
    if (present(row["sessionKey"])) return denies(row["sessionKey"], row, outer);
    return isKey(row["key"]) && denies(row["key"], row, outer);
  };
  const isDenied = (holder: Fields, name: string, item: unknown, outer: string | undefined): boolean => {
    if (isQualified(name) && denies(name, undefined, outer)) return true;
    if (name === "parentSessionId") {
      return present(holder["parentSessionKey"]) && denies(holder["parentSessionKey"], undefined, outer);
    }
    if (typeof item === "object") return isDeniedRow(item, agentIn(holder) ?? outer);
    if (typeof item !== "string" || item === "") return false;
    if (name === SWARM_GROUP) return denies(item.replace(/^swarm:/, "").replace(/:[^:]*$/, ""), undefined, outer);
    // An agent next to a key qualifies that key only.
    if (NAMES_SESSION.test(name)) return denies(item, name === "sessionKey" ? holder : undefined, outer);
    return isDeniedRow(item, outer);
  };
  const copy = (value: unknown, depth: number, outer: string | undefined): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (depth > MAX_DEPTH) return undefined;
    if (typeof (value as Fields)["toJSON"] === "function") {
      return copy((value as { toJSON(): unknown }).toJSON(), depth + 1, outer);
    }
    if (Array.isArray(value)) {
      return value.filter((item) => !isDeniedRow(item, outer)).map((item) => copy(item, depth + 1, outer));
    }
    const holder = value as Fields;
    const inner = agentIn(holder) ?? outer;
    const isTranscript = (name: string): boolean => depth === 0 && TRANSCRIPT.has(name);
    const copied: Record<string, unknown> = Object.fromEntries(
      Object.entries(holder)
        .filter(([name, item]) => isTranscript(name) || !isDenied(holder, name, item, outer))
        .map(([name, item]) => [name, isTranscript(name) ? transcript(item) : copy(item, depth + 1, inner)]),
    );
    // `recent` in the answer of `health`.
    const list = "sessions" in holder ? "sessions" : "recent";
    const left = copied[list];
    if (typeof holder["count"] === "number" && isListOfRows(holder[list]) && Array.isArray(left)) {
      copied["count"] = left.length;
    }
    return copied;
  };
  /** Asked by a cursor (2026.8), it is a list of events. */
  const transcript = (items: unknown): unknown =>
    Array.isArray(items)
      ? items.map((item: unknown) => (isMessageEvent(item) ? allowedEvent(item, access, canonical, agentId) : item))
      : items;
  return copy(payload, 0, agentId);
}

/** Properties of an event that hold rows or keys of sessions; all else is content of the event's own session. */
const TOLD = new Set([
  "session",
  "ancestorSessions",
  "childSessions",
  "agentId",
  "parentSessionId",
  "forkSource",
  "swarm",
  SWARM_GROUP,
]);

function isTold(name: string): boolean {
  return TOLD.has(name) || NAMES_SESSION.test(name);
}

/** Whether an event has rows of other sessions, or references to them. */
export function namesOthers(payload: unknown): boolean {
  for (const name in fieldsOrNone(payload)) {
    if (name !== "sessionKey" && name !== "agentId" && isTold(name)) return true;
  }
  return false;
}

/**
 * A copy of a session's event without rows of sessions that are not allowed, and references to one. Everything else
 * stays as it is: the arguments of a tool in a message may name any session.
 *
 * @param agentId see {@link allowedRows}
 */
export function allowedEvent(payload: unknown, access: ClaimAccess, canonical: KeyReader, agentId?: string): unknown {
  const body = fieldsOf(payload);
  if (!body) return payload;
  const names = Object.keys(body);
  const part = (wanted: boolean): Fields =>
    Object.fromEntries(names.filter((name) => isTold(name) === wanted).map((name) => [name, body[name]]));
  return { ...part(false), ...(allowedRows(part(true), access, canonical, agentId) as Fields) };
}

/**
 * The allowed part of a look-up's result: a session, or several candidates.
 *
 * @returns undefined if nothing is left
 */
export function foundSession(payload: unknown, access: ClaimAccess, canonical: KeyReader, agentId?: string): unknown {
  const body = fieldsOrNone(payload);
  if (present(body["key"])) {
    if (!answersAllowedSession(body, access, canonical, agentId)) return undefined;
    return allowedRows(body, access, canonical, agentId);
  }
  const { candidates } = body;
  if (!Array.isArray(candidates)) return undefined;
  const left = candidates.filter(
    (each) => present(fieldsOrNone(each)["key"]) && answersAllowedSession(each, access, canonical, agentId),
  );
  if (left.length === 1) return { ok: true, ...(left[0] as Fields) };
  return left.length === 0 ? undefined : { ...body, candidates: left };
}

/** Whether the session that the gateway chose or found is allowed, or the answer names none. */
export function answersAllowedSession(
  payload: unknown,
  access: ClaimAccess,
  canonical: KeyReader,
  agentId?: string,
): boolean {
  const body = fieldsOrNone(payload);
  const named = agentIn(body);
  return [body["key"], body["sessionKey"]].filter(present).every((value) => {
    const key = canonical(value, named ?? (isQualified(value) ? undefined : agentId));
    return key !== undefined && access.allows(key);
  });
}

/** Whether an error names a session that is not allowed, or is too large to tell. */
export function namesDenied(error: unknown, access: ClaimAccess, canonical: KeyReader, agentId?: string): boolean {
  const allows = (value: string): boolean => {
    const key = canonical(value, isQualified(value) ? undefined : agentId);
    return key !== undefined && access.allows(key);
  };
  // In a sentence, what follows a key may look like a part of it.
  return !sessionKeysIn(error)?.every((written) => allows(written) || allows(written.replace(/[.:]+$/, "")));
}

function agentIn(holder: Fields): string | undefined {
  const { agentId } = holder;
  return typeof agentId === "string" ? agentId : undefined;
}

function isQualified(value: unknown): boolean {
  return typeof value === "string" && parseAgentSessionKey(value) !== undefined;
}

/** An event of a session's message, among the messages themselves. */
function isMessageEvent(item: unknown): boolean {
  const { sessionKey, message } = fieldsOrNone(item);
  return present(sessionKey) && fieldsOf(message) !== undefined;
}

function isListOfRows(value: unknown): boolean {
  return (
    Array.isArray(value) && value.some((row) => isKey(fieldsOrNone(row)["key"] ?? fieldsOrNone(row)["sessionKey"]))
  );
}

/** Properties that name a session anywhere; `key` alone can be anything. */
function isKey(value: unknown): boolean {
  return typeof value === "string" && (value === "global" || value === "unknown" || isQualified(value));
}
