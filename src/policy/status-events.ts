/**
 * Events that mix the state of the gateway, which every client's lists and indicators need, with content of a
 * session. Connections that claim the session get them whole; all others get only the state. Fields that a later
 * release adds are left out until a row here names them.
 */
import { sessionKeysIn } from "./session-keys-in.ts";
import { type Fields, fieldsOrNone } from "./fields.ts";

/** What all other connections get instead of an event, by its name. */
export const STATUS_EVENTS: ReadonlyMap<string, (payload: unknown) => unknown> = new Map<
  string,
  (payload: unknown) => unknown
>([
  ["heartbeat", heartbeatStatus],
  // No job, summary, error or session: a client that shows jobs asks for them again.
  ["cron", (payload) => plain(payload, ["action", "jobId", "runAtMs", "durationMs", "status", "nextRunAtMs"])],
  ["task", taskStatus],
  // Agents and channels unchanged, without rows that name a session.
  ["health", (payload) => (sessionKeysIn(payload) === undefined ? {} : withoutSessions(payload, 0))],
  ["presence", presenceStatus],
  // A client that shows portals asks for them again.
  ["portal.changed", portalStatus],
  ["voicewake.routing.changed", () => ({})],
]);

/** Status events about many sessions at once: a connection that claims one of them must not get the others. */
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

/** `restored` is upstream's word for a list that clients must ask for again. */
function taskStatus(payload: unknown): Fields {
  const { action } = fieldsOrNone(payload);
  return action === "deleted" ? plain(payload, ["action", "taskId"]) : { action: "restored" };
}

/** The presence list; the release's own lines about a node or the gateway stay, other texts are system events. */
function presenceStatus(payload: unknown): Fields {
  const { presence } = fieldsOrNone(payload);
  return { presence: Array.isArray(presence) ? presence.map((row: unknown) => presenceRow(row)) : [] };
}

/** As the release composes it: `Node: <host> (<ip>) · app <version> · mode <mode> · reason <reason>`. */
const PRESENCE_LINE =
  /^\s*(?:Node|Gateway): [^·\n]{1,120}(?: · [^·\n]{1,80}){0,8} · mode [\w-]+(?: · reason [\w-]+)?\s*$/;

/**
 * One row of the presence list, without session content.
 *
 * @param row untrusted in shape
 */
export function presenceRow(row: unknown): Fields {
  const { watchedSessions: _, text, reason, ...rest } = fieldsOrNone(row);
  return {
    ...rest,
    ...(typeof text === "string" && PRESENCE_LINE.test(text) ? { text } : {}),
    ...(typeof reason === "string" && PLAIN_REASON.test(reason) ? { reason } : {}),
  };
}

function portalStatus(payload: unknown): Fields {
  const { portals } = fieldsOrNone(payload);
  return { portals: Array.isArray(portals) ? portals.map((portal) => plain(portal, ["id", "status", "port"])) : [] };
}

/** Deeper than any health of the releases; deeper content is left out. */
const MAX_DEPTH = 16;

/** A copy without a session's rows, and without texts and properties that contain a session key. */
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

/** The fields that are numbers, booleans or short texts. */
function plain(payload: unknown, names: readonly string[]): Fields {
  const body = fieldsOrNone(payload);
  const kept = names.filter((name) => ["string", "number", "boolean"].includes(typeof body[name]));
  return Object.fromEntries(kept.map((name) => [name, body[name]]));
}
