/**
 * A judge of what a client got: frames of sessions that it had not asked for.
 *
 * It knows the protocol from outside only and shares nothing with the module's policy, whose
 * work it judges: what is asked is read off the requests and their answers on the wire.
 */
import { OPENS } from "./opens.ts";
import { isObject, type WireEntry } from "../wire/wire-log.ts";

/** Requests of OpenClaw's own clients that open, read or drive the session they name. */
const OPENING = new Set([...Object.keys(OPENS), "chat.abort", "sessions.abort", "sessions.create", "sessions.reset"]);

/** Status for everybody, which names recent sessions or those that are watched; and which models there are. */
const FOR_ALL = new Set(["health", "presence", "models.snapshot"]);

export interface Foreign {
  readonly event: string;
  /** The session that it reveals. */
  readonly key: string;
  readonly text: string;
}

/** Requests whose answer names a run that the connection has started: its frames are the connection's to the end. */
const STARTING = new Set(["agent", "chat.send", "sessions.create", "sessions.send", "sessions.steer"]);

const NO_RUN = Symbol("no run");

interface Asked {
  readonly sessions: Set<string>;
  readonly runs: Set<unknown>;
  /** The device and the program, if it has proven a device. */
  client?: string | undefined;
  readonly pending: Map<unknown, { method: string; keys: string[]; params: unknown }>;
  roster: boolean;
}

/** The events of sessions that their connection had not asked for, or no more, when they came. */
export function foreignFrames(entries: readonly WireEntry[]): Foreign[] {
  const connections = new Map<number, Asked>();
  const foreign: Foreign[] = [];
  for (const { connection, from, frame, text } of entries) {
    const asked: Asked = connections.get(connection) ?? {
      sessions: new Set(),
      runs: new Set(),
      pending: new Map(),
      roster: false,
    };
    connections.set(connection, asked);
    if (from === "client") {
      const { id, params } = frame;
      asked.pending.set(id, { method: String(frame["method"]), keys: sessionKeys(params), params });
    } else if (frame["type"] === "res") {
      const isNew = asked.client === undefined;
      answered(asked, frame);
      if (isNew && asked.client !== undefined) comesBack(asked, [...connections.values()]);
    } else {
      const event = String(frame["event"]);
      if (FOR_ALL.has(event) || (event === "sessions.changed" && asked.roster)) continue;
      if (asked.runs.has(runOf(frame["payload"]))) continue;
      const keys = sessionKeys(frame["payload"]);
      const [key] = keys;
      if (key !== undefined && !keys.some((each) => asked.sessions.has(each))) foreign.push({ event, key, text });
    }
  }
  return foreign;
}

/** A device that comes back has what its last connection had. */
function comesBack(asked: Asked, all: readonly Asked[]): void {
  const before = all.findLast((each) => each !== asked && each.client === asked.client);
  for (const key of before?.sessions ?? []) asked.sessions.add(key);
  for (const run of before?.runs ?? []) asked.runs.add(run);
}

/** Only what the gateway has accepted counts. */
function answered(asked: Asked, frame: WireEntry["frame"]): void {
  const request = asked.pending.get(frame["id"]);
  asked.pending.delete(frame["id"]);
  if (!request || frame["ok"] !== true) return;
  const { method, keys, params } = request;
  if (method === "connect") asked.client = clientOf(params);
  if (STARTING.has(method)) asked.runs.add(runOf(frame["payload"]) ?? NO_RUN);
  if (method === "sessions.subscribe") asked.roster = true;
  else if (method === "sessions.unsubscribe") asked.roster = false;
  else if (method === "sessions.messages.unsubscribe") for (const key of keys) asked.sessions.delete(key);
  else if (OPENING.has(method)) {
    const chosen = method === "sessions.create" ? sessionKeys(frame["payload"]) : [];
    for (const key of [...keys, ...chosen]) asked.sessions.add(key);
  }
}

function runOf(payload: unknown): unknown {
  return isObject(payload) ? payload["runId"] : undefined;
}

function clientOf(params: unknown): string | undefined {
  if (!isObject(params) || !isObject(params["device"]) || !isObject(params["client"])) return undefined;
  const { id, mode, displayName, instanceId } = params["client"];
  return JSON.stringify([params["device"]["id"], id, mode, displayName, instanceId]);
}

/** All session keys in a value, wherever they are, as the gateway writes them. */
function sessionKeys(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(sessionKeys);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    if (/^(?:sessionKeys?|keys?)$/.test(name)) {
      return [inner].flat().flatMap((key) => (typeof key === "string" ? canonical(name, key) : []));
    }
    return sessionKeys(inner);
  });
}

function canonical(name: string, key: string): string[] {
  const written = key.trim().toLowerCase();
  if (written.startsWith("agent:")) return [written];
  // Elsewhere than under `sessionKey`, a `key` is often something else: `users.prefs` have one.
  return written === "main" || (name.startsWith("session") && written !== "") ? [`agent:main:${written}`] : [];
}
