/**
 * Which gateway events belong to sessions, and which session keys one carries.
 *
 * The default is closed: an event that is unknown here is scoped if it contains a session key anywhere. Only the
 * names in {@link OPEN} pass with any content.
 */
import { findSessionKeys } from "./session-keys-in.ts";
import { STATUS_EVENTS } from "./status-events.ts";
import { type Fields, fieldsOf, fieldsOrNone, present, text } from "./fields.ts";
import { type KeyReader, usableSessionKey } from "./session-key.ts";

/** Where an event may go, according to the event itself. */
export type EventRoute =
  /** As upstream sends it. */
  | { readonly to: "all" }
  /** To connections that claim one of `keys`. */
  | SessionRoute
  /** To connections that asked for the session roster. `keys` is empty if it contains no row. */
  | { readonly to: "roster"; readonly keys: readonly string[]; readonly agentId?: string | undefined }
  | { readonly to: "nobody"; readonly reason: "no-key" | "bad-key" | "too-large" };

export interface SessionRoute {
  readonly to: "session";
  /** As the {@link KeyReader} made them: trimmed, or canonical. */
  readonly keys: readonly string[];
  /** The agent that owns a `global` session, if the event names it. */
  readonly agentId?: string | undefined;
  readonly runId?: string | undefined;
  /** The keys were found in the content and are not the event's own: under access rules all of them count. */
  readonly found?: true;
  /** Further keys in the content. They do not decide who gets it; under access rules they count as well. */
  readonly besides?: readonly string[] | undefined;
  /** The session that spawned this one; its claimers also get the event. */
  readonly parent?: string | undefined;
}

/**
 * Transport events that every connection needs and that carry no session content. The last four go to the connection
 * that asked, as upstream sends them: a terminal is that connection's own, and the orders and chips of a Control UI
 * name a session to go to, without revealing its content.
 */
const OPEN: ReadonlySet<string> = new Set([
  "connect.challenge",
  "tick",
  "shutdown",
  "update.available",
  "gateway.suspension",
  "ui.command",
  "controlUi.sessionPullRequests.changed",
  "terminal.data",
  "terminal.exit",
]);

/** Approvals and pairing are gated by scope upstream and concern operators, not subscribers. */
const OPEN_FAMILY = /^(?:(?:exec|plugin|openclaw)\.approval|(?:node|device)\.pair)\./;

/** Parts of a payload in which releases put the session key of the event. */
const PARTS = ["session", "request", "suggestion", "task", "job", "talkEvent"] as const;

const ALL: EventRoute = { to: "all" };
const NO_KEY: EventRoute = { to: "nobody", reason: "no-key" };
const BAD_KEY: EventRoute = { to: "nobody", reason: "bad-key" };
const TOO_LARGE: EventRoute = { to: "nobody", reason: "too-large" };

/** True for events that by their name are about one session: without a key nobody gets them. */
export function isSessionScopedName(event: string): boolean {
  return event === "chat" || event === "agent" || event === "chat.side_result" || event.startsWith("session.");
}

/**
 * Events that may reveal a session even if they do not name it: speech to a node, and all events of plugins. If
 * upstream chose their connections, they go there unchanged.
 */
function isClosedName(event: string): boolean {
  return event === "talk.event" || event.startsWith("plugin.") || STATUS_EVENTS.has(event);
}

/**
 * Decides where an event belongs from its name, payload and broadcast options alone.
 *
 * Keys are looked for as upstream's `resolveBroadcastSessionScope` does (explicit `opts.sessionKeys` first, then the
 * payload), and in other places that releases use.
 *
 * @param event event name, e.g. `chat`
 * @param payload the event's payload, untrusted in shape
 * @param opts upstream's broadcast options; `sessionKeys` and `agentId` are read
 * @param keyOf reads keys; by default it trims them and rejects invalid ones
 * @param targeted upstream sends it to connections of its choice
 */
export function routeEvent(
  event: string,
  payload: unknown,
  opts?: unknown,
  keyOf: KeyReader = usableSessionKey,
  targeted = false,
): EventRoute {
  if (isOpen(event)) return ALL;
  const options = fieldsOf(opts);
  const body = fieldsOf(payload);
  const status = !isBusy(event) && STATUS_EVENTS.has(event);
  const plain = body && !status && event !== "sessions.changed" ? plainSession(options, body, keyOf) : undefined;
  if (plain) return plain;
  const named = body ? namedSession(event, body) : NOTHING;
  const explicit = keyList(options?.["sessionKeys"]);
  const agentId = text(options?.["agentId"]) ?? text(named.owner?.["agentId"]);
  const keys = (explicit.length > 0 ? explicit : named.keys).map((each) => keyOf(each, agentId));
  // One unusable key among several makes the event's audience unknown.
  if (!keys.every((key) => key !== undefined)) return BAD_KEY;
  if (event === "sessions.changed") return { to: "roster", keys, agentId };
  if (keys.length > 0 && !status) return { to: "session", keys, agentId, runId: text(body?.["runId"]) };
  if (isSessionScopedName(event)) return NO_KEY;
  return targeted ? ALL : byContent(event, payload, keys, agentId, keyOf);
}

/** An event without its own session belongs to the sessions that it contains. */
function byContent(
  event: string,
  payload: unknown,
  own: readonly string[],
  agentId: string | undefined,
  keyOf: KeyReader,
): EventRoute {
  const found = findSessionKeys(payload);
  if (!found) return TOO_LARGE;
  // A text decides only if nothing else does, and never where texts of models are in a status event.
  const named = own.length > 0 || found.named.length > 0 || STATUS_EVENTS.has(event);
  const keys = [...own, ...(named ? found.named : found.values).map((each) => keyOf(each, agentId))];
  if (!keys.every((key) => key !== undefined)) return BAD_KEY;
  const others = [...(named ? found.values : []), ...found.quoted].map((each) => keyOf(each, agentId));
  if (keys.length === 0) return others.length > 0 || isClosedName(event) ? NO_KEY : ALL;
  const besides = [...new Set(others)].filter((key) => key !== undefined && !keys.includes(key)) as string[];
  const more = besides.length > 0 ? { besides } : {};
  return { to: "session", keys: [...new Set(keys)], agentId, found: true, ...more };
}

/** Events that make up nearly all of the traffic: they skip the search in the lists of others. */
function isBusy(event: string): boolean {
  return event === "chat" || event === "agent";
}

function isOpen(event: string): boolean {
  return !isBusy(event) && (OPEN.has(event) || OPEN_FAMILY.test(event));
}

/** The shape of nearly all of the traffic: one key, in the place where upstream looks first. */
function plainSession(options: Fields | undefined, body: Fields, keyOf: KeyReader): SessionRoute | undefined {
  const key = oneKey(options, body, keyOf);
  if (key === undefined) return undefined;
  const { runId, spawnedBy } = body;
  const agentId = agentOf(options, body);
  const parent = spawnedBy === undefined ? undefined : keyOf(spawnedBy, agentId);
  return { to: "session", keys: [key], agentId, runId: text(runId), ...(parent === undefined ? {} : { parent }) };
}

/**
 * The session of an event of the kind that is nearly all of the traffic. Builds nothing: asked for every event.
 *
 * @param keyOf as for {@link routeEvent}
 * @returns the key of the route's one session; undefined for every event that {@link routeEvent} has to look at
 */
export function plainKey(event: string, payload: unknown, opts: unknown, keyOf: KeyReader): string | undefined {
  if (!isBusy(event)) return undefined;
  const body = fieldsOf(payload);
  return body && body["spawnedBy"] === undefined ? oneKey(fieldsOf(opts), body, keyOf) : undefined;
}

/** The session whose approval an event reports to claimers of its parent; undefined for other events. */
export function approvedSession(event: string, payload: unknown): unknown {
  return event === "session.approval" ? fieldsOrNone(payload)["sourceSessionKey"] : undefined;
}

function agentOf(options: Fields | undefined, body: Fields): string | undefined {
  return text(options?.["agentId"]) ?? text(body["agentId"]);
}

/** The one key of an event, where upstream looks first; undefined if it is anywhere else, or no key. */
function oneKey(options: Fields | undefined, body: Fields, keyOf: KeyReader): string | undefined {
  let raw = body["sessionKey"];
  if (typeof raw !== "string" || raw === "") return undefined;
  const explicit = options?.["sessionKeys"];
  if (explicit !== undefined) {
    if (!Array.isArray(explicit) || explicit.length !== 1) return undefined;
    raw = explicit[0] as unknown;
  }
  return keyOf(raw, agentOf(options, body));
}

interface Named {
  readonly keys: readonly unknown[];
  /** The object that named the key; its `agentId` qualifies a `global` session. */
  readonly owner?: Fields;
}

const NOTHING: Named = { keys: [] };

/** Finds the session a payload names: in itself, in one of its parts, or as a list. */
function namedSession(event: string, body: Fields): Named {
  if (present(body["sessionKey"])) return { keys: [body["sessionKey"]], owner: body };
  for (const name of PARTS) {
    const owner = fieldsOf(body[name]);
    if (!owner) continue;
    const own = owner["sessionKey"];
    const key = present(own) || name !== "session" ? own : owner["key"];
    if (present(key)) return { keys: [key], owner };
  }
  // Elsewhere `key` is not a session key: `users.prefs.changed` has one too.
  if (event.startsWith("session") && present(body["key"])) {
    return { keys: [body["key"]], owner: body };
  }
  return { keys: keyList(body["sessionKeys"]), owner: body };
}

/** A list of keys; an invalid item counts as a malformed key. */
function keyList(value: unknown): readonly unknown[] {
  if (!present(value)) return [];
  return Array.isArray(value) ? value : [undefined];
}
