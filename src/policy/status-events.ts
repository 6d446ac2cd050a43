/**
 * Events that mix two things: the state of the gateway, which lists and indicators of every client live
 * on, and something of a session. They go whole to those who claim the session; everybody else gets the
 * state alone. What a later release adds to them is left out until a row here names it.
 */
import { sessionKeysIn } from "./session-keys-in.ts";
import { type Fields, fieldsOf, fieldsOrNone } from "./fields.ts";

/** What everybody else gets in place of an event, by its name. */
export const STATUS_EVENTS: ReadonlyMap<string, (payload: unknown) => unknown> = new Map<
  string,
  (payload: unknown) => unknown
>([
  ["heartbeat", heartbeatStatus],
  // No job, summary, error or session: a client that shows jobs asks for them again.
  ["cron", (payload) => plain(payload, ["action", "jobId", "runAtMs", "durationMs", "status", "nextRunAtMs"])],
  ["task", taskStatus],
  // Agents and channels as they are, no row that names a session.
  ["health", (payload) => withoutSessions(payload, 0)],
  ["presence", presenceStatus],
  // A client that shows portals asks for them again.
  ["portal.changed", portalStatus],
  ["voicewake.routing.changed", () => ({})],
]);

/** Status events that tell of many sessions at once: whoever claims one of them may not have the others. */
export const OF_MANY_SESSIONS: ReadonlySet<string> = new Set([
  "health",
  "presence",
  "portal.changed",
  "voicewake.routing.changed",
]);

/** A reason such as `quiet-hours`; a failure's is an error text, which may quote anything. */
const PLAIN_REASON = /^[a-z][a-z-]{0,39}$/;

/** The status of a `heartbeat` event, as the Control UI's indicator needs it: no preview, recipient or message. */
function heartbeatStatus(payload: unknown): Fields {
  const { reason, status } = fieldsOrNone(payload);
  return {
    ...plain(payload, ["ts", "status", "durationMs", "silent", "hasMedia", "channel", "indicatorType"]),
    ...(status !== "failed" && typeof reason === "string" && PLAIN_REASON.test(reason) ? { reason } : {}),
  };
}

/** `restored` is upstream's word for a list that has to be asked for again. */
function taskStatus(payload: unknown): Fields {
  const { action } = fieldsOrNone(payload);
  return action === "deleted" ? plain(payload, ["action", "taskId"]) : { action: "restored" };
}

/** Who is there; a line about a node or the gateway itself stays, other texts are system events of somebody. */
function presenceStatus(payload: unknown): unknown {
  const body = fieldsOf(payload);
  if (!body) return {};
  const rows = Array.isArray(body["presence"]) ? (body["presence"] as unknown[]) : [];
  return { ...body, presence: rows.map((row) => presenceRow(row)) };
}

/**
 * One row of the presence list, without what is of sessions.
 *
 * @param row untrusted in shape
 */
function presenceRow(row: unknown): unknown {
  const { watchedSessions: _, text, ...rest } = fieldsOrNone(row);
  const isLine = typeof text === "string" && /^\s*(?:Node|Gateway):/.test(text);
  return isLine ? { ...rest, text } : rest;
}

function portalStatus(payload: unknown): Fields {
  const { portals } = fieldsOrNone(payload);
  return { portals: Array.isArray(portals) ? portals.map((portal) => plain(portal, ["id", "status", "port"])) : [] };
}

/** Deeper than any health of the releases; what is below is left out. */
const MAX_DEPTH = 16;

/** A copy without the rows that are a session's, and without texts and properties that hold a session key. */
function withoutSessions(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return undefined;
  const open = (name: string, item: unknown): boolean => {
    if (sessionKeysIn({ [name]: typeof item === "object" ? undefined : item })?.length !== 0) return false;
    const { key, sessionKey } = fieldsOrNone(item);
    return sessionKeysIn({ key, sessionKey })?.length === 0;
  };
  if (Array.isArray(value)) {
    return value.filter((item) => open("", item)).map((item) => withoutSessions(item, depth + 1));
  }
  const kept = Object.entries(value).filter(([name, item]) => open(name, item));
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutSessions(item, depth + 1)]));
}

/** Those of the fields that are numbers, truth values or short texts. */
function plain(payload: unknown, names: readonly string[]): Fields {
  const body = fieldsOrNone(payload);
  const kept = names.filter((name) => ["string", "number", "boolean"].includes(typeof body[name]));
  return Object.fromEntries(kept.map((name) => [name, body[name]]));
}
