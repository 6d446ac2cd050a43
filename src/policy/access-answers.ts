/** Filters an answer for a connection under access rules. */
import type { ClaimAccess } from "./claims.ts";
import { type Fields, fieldsOf, fieldsOrNone, present } from "./fields.ts";
import { type KeyReader, parseAgentSessionKey } from "./session-key.ts";

/** Deeper than any answer of the releases; deeper content is left out. */
const MAX_DEPTH = 16;

/** Properties that refer to another session. */
const REFERS = /(?:^s|S)essionKey$|^spawnedBy$|^parentKey$/;

/** What a session said: in the answers of `chat.history` and `chat.startup`, and alone in others. */
const TRANSCRIPT = new Set(["message", "messages", "activity", "pendingInputs", "inFlightRun"]);

/**
 * A copy of an answer without the rows of sessions that are not allowed: items of lists and nested objects that name
 * one by `sessionKey` or `key`, entries of maps from keys, and references to one. A `count` next to a list of
 * sessions is adjusted. The messages of a transcript stay as they are: they belong to the session that was asked for.
 */
export function allowedRows(payload: unknown, access: ClaimAccess, canonical: KeyReader): unknown {
  const denies = (value: unknown, owner?: Fields): boolean => {
    const agentId = typeof owner?.["agentId"] === "string" ? owner["agentId"] : undefined;
    const key = canonical(value, agentId);
    return key === undefined || !access.allows(key);
  };
  const isDeniedRow = (value: unknown): boolean => {
    if (typeof value === "string") return parseAgentSessionKey(value) !== undefined && denies(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const row = value as Fields;
    // A child's approval, in the answer of its parent's subscription.
    if (present(row["sourceSessionKey"]) && denies(row["sourceSessionKey"])) return true;
    if (present(row["sessionKey"])) return denies(row["sessionKey"], row);
    return isKey(row["key"]) && denies(row["key"], row);
  };
  const copy = (value: unknown, depth: number): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (depth > MAX_DEPTH) return undefined;
    if (typeof (value as Fields)["toJSON"] === "function") {
      return copy((value as { toJSON(): unknown }).toJSON(), depth + 1);
    }
    if (Array.isArray(value)) return value.filter((item) => !isDeniedRow(item)).map((item) => copy(item, depth + 1));
    const entries = Object.entries(value).filter(([name, item]) => {
      if (depth === 0 && TRANSCRIPT.has(name)) return true;
      if (parseAgentSessionKey(name) !== undefined && denies(name)) return false;
      // An agent next to a key qualifies that key only.
      const owner = name === "sessionKey" ? (value as Fields) : undefined;
      if (REFERS.test(name) && present(item) && denies(item, owner)) return false;
      return typeof item !== "object" || !isDeniedRow(item);
    });
    const copied: Record<string, unknown> = Object.fromEntries(
      entries.map(([name, item]) => [name, depth === 0 && TRANSCRIPT.has(name) ? item : copy(item, depth + 1)]),
    );
    // `recent` in the answer of `health`.
    const rows = copied["sessions"] ?? copied["recent"];
    if (Array.isArray(rows) && typeof copied["count"] === "number") copied["count"] = rows.length;
    return copied;
  };
  return copy(payload, 0);
}

/** Properties of an event that hold rows or keys of sessions; all else is content of the event's own session. */
const TOLD = new Set(["session", "ancestorSessions", "childSessions", "agentId"]);

/** Whether an event has rows of other sessions, or references to them. */
export function namesOthers(payload: unknown): boolean {
  return Object.keys(fieldsOrNone(payload)).some(
    (name) => name !== "sessionKey" && name !== "agentId" && (TOLD.has(name) || REFERS.test(name)),
  );
}

/**
 * A copy of a session's event without rows of sessions that are not allowed, and references to one. Everything else
 * stays as it is: the arguments of a tool in a message may name any session.
 */
export function allowedEvent(payload: unknown, access: ClaimAccess, canonical: KeyReader): unknown {
  const body = fieldsOf(payload);
  if (!body) return payload;
  const names = Object.keys(body);
  const isTold = (name: string): boolean => TOLD.has(name) || REFERS.test(name);
  const part = (wanted: boolean): Fields =>
    Object.fromEntries(names.filter((name) => isTold(name) === wanted).map((name) => [name, body[name]]));
  return { ...part(false), ...(allowedRows(part(true), access, canonical) as Fields) };
}

/**
 * The allowed part of a look-up's result: a session, or several candidates.
 *
 * @returns undefined if nothing is left
 */
export function foundSession(payload: unknown, access: ClaimAccess, canonical: KeyReader): unknown {
  const body = fieldsOrNone(payload);
  if (present(body["key"])) {
    return answersAllowedSession(body, access, canonical) ? allowedRows(body, access, canonical) : undefined;
  }
  const { candidates } = body;
  if (!Array.isArray(candidates)) return undefined;
  const left = candidates.filter(
    (each) => present(fieldsOrNone(each)["key"]) && answersAllowedSession(each, access, canonical),
  );
  if (left.length === 1) return { ok: true, ...(left[0] as Fields) };
  return left.length === 0 ? undefined : { ...body, candidates: left };
}

/** Whether the session that the gateway chose or found is allowed, or the answer names none. */
export function answersAllowedSession(payload: unknown, access: ClaimAccess, canonical: KeyReader): boolean {
  const body = fieldsOrNone(payload);
  const agentId = typeof body["agentId"] === "string" ? body["agentId"] : undefined;
  return [body["key"], body["sessionKey"]].filter(present).every((value) => {
    const key = canonical(value, agentId);
    return key !== undefined && access.allows(key);
  });
}

/** Properties that name a session anywhere; `key` alone can be anything. */
function isKey(value: unknown): boolean {
  return (
    typeof value === "string" &&
    (value === "global" || value === "unknown" || parseAgentSessionKey(value) !== undefined)
  );
}
