/**
 * Knows who may see what, only from what a connection sent and received.
 *
 * Deliberately not built on `src/policy`: it is the judge of it.
 */
import { isExcused } from "../../src/report/excuses.ts";
import { secretFinder } from "../../src/report/secrets.ts";
import { OPENS, OPENS_REFUSED } from "../../test/support/scene/opens.ts";

export interface Session {
  readonly key: string;
  /** In every text of the session's runs, and nowhere else. */
  readonly token: string;
}

/** What one connection did, in its own order. */
export interface Log {
  readonly name: string;
  /** Every text that came in, answers included. */
  readonly lines: readonly string[];
  /** Requests, each with the number of lines that had come in when it was sent. */
  readonly sent: readonly Sent[];
  /** The last connection of the same device, which has closed: frames of its sessions may still come. */
  readonly resumes?: Log | undefined;
  /** It broke: the gateway may never have seen the last requests. */
  readonly killed?: boolean;
}

export interface Sent {
  readonly after: number;
  readonly id: string;
  readonly method: string;
  readonly params: unknown;
}

export interface Finding {
  readonly connection: string;
  readonly session: string;
  readonly event: string;
  readonly line: number;
  /** The first characters of the frame. */
  readonly frame: string;
  /** What the connection, and the ones that it resumes, asked about the session, and how that was answered. */
  readonly asked: readonly string[];
}

export interface Verdict {
  readonly findings: readonly Finding[];
  readonly events: number;
  /** Events of sessions that the connection had asked for. */
  readonly rightful: number;
}

/**
 * Goes through everything a connection received.
 *
 * @returns the events that it should not have had, and how many were looked at
 */
export function judge(log: Log, sessions: readonly Session[]): Verdict {
  const findings: Finding[] = [];
  // Session key -> when the accepted request was sent.
  const open = new Map((log.resumes ? openAtTheEnd(log.resumes) : []).map((key) => [key, -1]));
  const waiting = new Map<string, { order: number; request: Sent }>();
  const finder = secretFinder<"session key" | "text">(
    sessions.flatMap(({ key, token }, session) => [
      { session, kind: "session key", text: key } as const,
      { session, kind: "text", text: token } as const,
    ]),
  );
  let [roster, next, events, rightful] = [false, 0, 0, 0];
  const secretsIn = (value: unknown): Set<string> => new Set(finder.inValue(value).map(({ text }) => text));
  /** Adds what the connection may not have to the findings; the rest is its right. */
  const look = (event: string, index: number, value: unknown, known: ReadonlySet<string> = new Set()): void => {
    const line = log.lines[index]!;
    if (finder.inText(line).size === 0) return;
    const traces = finder.inValue(value).filter((trace) => !isExcused(event, trace) && !known.has(trace.text));
    for (const number of new Set(traces.map(({ session }) => session))) {
      const { key } = sessions[number]!;
      if (open.has(key)) rightful += 1;
      else
        findings.push({
          connection: log.name,
          session: key,
          event,
          line: index,
          frame: line.slice(0, 300),
          asked: history(log, key),
        });
    }
  };
  for (const [index, line] of log.lines.entries()) {
    while (next < log.sent.length && log.sent[next]!.after <= index) {
      waiting.set(log.sent[next]!.id, { order: next, request: log.sent[next]! });
      next += 1;
    }
    const frame = JSON.parse(line) as Record<string, unknown>;
    if (frame["type"] === "res") {
      const { type, snapshot } = (frame["payload"] ?? {}) as Record<string, unknown>;
      if (type === "hello-ok") look("hello-ok", index, { snapshot });
      const asked = waiting.get(String(frame["id"]));
      if (!asked) continue;
      // Answers reveal what was requested. A refusal reveals no more about a session than its request.
      if (frame["ok"] !== true) look("refusal", index, frame["error"], secretsIn(asked.request.params));
      const { method, params } = asked.request;
      if (method === "sessions.messages.unsubscribe" && !couldNot(frame)) {
        // Whatever the gateway answers: who leaves has left, unless it asked again meanwhile.
        for (const key of named(params, "key")) if ((open.get(key) ?? 0) < asked.order) open.delete(key);
      } else if (method === OPENS_REFUSED && isUnknown(frame)) {
        for (const key of named(params, "sessionKey")) open.set(key, asked.order);
      } else if (frame["ok"] === true) {
        if (method === "sessions.subscribe") roster = true;
        if (method === "sessions.unsubscribe") roster = false;
        const field = OPENS[method];
        if (field) for (const key of named(params, field)) open.set(key, asked.order);
      }
      continue;
    }
    if (frame["type"] !== "event") continue;
    events += 1;
    const event = String(frame["event"]);
    if (event === "sessions.changed" && roster) continue;
    look(event, index, frame);
  }
  return { findings, events, rightful };
}

/**
 * The sessions that a connection may have had open when it broke: also those of requests whose answers it
 * did not live to see, and those that it was about to leave.
 */
function openAtTheEnd({ sent, lines, killed, resumes }: Log): readonly string[] {
  const own = sent.flatMap(({ method, params }) =>
    method === OPENS_REFUSED ? named(params, "sessionKey") : OPENS[method] ? named(params, OPENS[method]) : [],
  );
  const answered = new Set(lines.map((line) => (JSON.parse(line) as { id?: unknown }).id));
  const last = (key: string, ...methods: readonly string[]): number =>
    sent.findLastIndex(({ method, params }) => methods.includes(method) && mentions(params, key));
  const lastLeft = (key: string): number =>
    sent.findLastIndex(
      ({ id, method, params }) =>
        method === "sessions.messages.unsubscribe" && mentions(params, key) && (!killed || answered.has(id)),
    );
  const opening = [...Object.keys(OPENS), OPENS_REFUSED];
  // A session that was left after the last request for it stays left; the gateway handles requests in order.
  const gone = (key: string): boolean => lastLeft(key) > last(key, ...opening);
  const before = resumes ? openAtTheEnd(resumes) : [];
  return [...new Set([...before, ...own])].filter((key) => !gone(key));
}

/** All requests of a client that mention a session, the earliest first. */
function history({ name, sent, lines, killed, resumes }: Log, key: string): readonly string[] {
  const answers = new Map(
    lines.flatMap((line, index) => {
      const { type, id, ok } = JSON.parse(line) as Record<string, unknown>;
      return type === "res" ? [[id, `${ok === true ? "accepted" : "refused"} at line ${index}`] as const] : [];
    }),
  );
  const own = sent
    .filter(({ params }) => JSON.stringify(params).includes(key))
    .map(
      ({ id, method, params, after }) =>
        `${name}, line ${after}: ${method} ${JSON.stringify(params).slice(0, 200)}: ${answers.get(id) ?? "not answered"}`,
    );
  return [...(resumes ? history(resumes, key) : []), ...own, ...(killed ? [`${name} broke`] : [])];
}

function mentions(params: unknown, key: string): boolean {
  return ["key", "keys", "sessionKey"].some((field) => named(params, field).includes(key));
}

/** The release does not know the method: newer ones take it for an admin's. */
function isUnknown(frame: Record<string, unknown>): boolean {
  const { message } = (frame["error"] ?? {}) as { message?: unknown };
  return frame["ok"] === false && /^(?:unknown method|missing scope: operator\.admin$)/.test(String(message));
}

/** The module says that it failed, and that the request was not passed on. */
function couldNot(frame: Record<string, unknown>): boolean {
  const error = frame["error"] as { details?: { reason?: unknown } } | undefined;
  return error?.details?.reason === "isolation-failed";
}

/** The session keys that a request names: letter case and blanks around them do not count. */
function named(params: unknown, field: string): string[] {
  const value = (params as Record<string, unknown> | undefined)?.[field];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === "string").map((each) => each.trim().toLowerCase());
}
