/**
 * Of which session a frame is, seen from outside: by what is written in it.
 *
 * This is on purpose not the policy's own reading of events: what judges must not share the
 * mistakes of what is judged.
 */
import { isExcused } from "./excuses.ts";
import { type Secret, secretFinder, type Trace } from "./secrets.ts";
import type { Evidence } from "./shape.ts";

/** A frame as a connection got it. */
export interface SeenFrame {
  /** Since the start of the probe. */
  readonly atMs: number;
  readonly event: string;
  readonly payload: unknown;
  readonly seq?: number | undefined;
  /** The whole frame as JSON. */
  readonly json: string;
}

/** A session of which the probe knows all that can be recognised. */
export interface KnownSession {
  readonly name: string;
  readonly key: string;
  /** Words in its messages that occur nowhere else. */
  readonly tokens: readonly string[];
  readonly runIds: readonly string[];
}

export interface Match {
  /** Index of a known session, or the number of known sessions for one that is not the probe's. */
  readonly session: number;
  readonly by: readonly Evidence[];
  /** Where in the frame, as far as there is room; lists as `[]`. */
  readonly paths: readonly string[];
  /** Everybody may have all of it: see `excuses.ts`. */
  readonly excused: boolean;
}

/** Shorter texts are likely to be the same by chance. */
const MIN_TEXT = 16;
const MAX_PATHS = 8;

/** A session's key, wherever it is written: the rest of a frame tells more than its reader may know. */
const KEY_SHAPE = /\bagent:[a-z0-9][a-z0-9_-]*:[^\s"'\\]/i;

/** Fields that hold text of a session on events that may come without a key. */
const TEXT_FIELDS: Readonly<Record<string, readonly string[]>> = {
  heartbeat: ["preview", "to"],
  cron: ["message", "text", "summary", "error"],
  task: ["title", "task", "terminalSummary", "progressSummary", "error"],
};

/**
 * Makes the function that finds the sessions of a frame.
 *
 * @param ownFrames by session, frames of its own runs at its sender: the text of a reply is found
 *   again elsewhere even where it carries neither key nor run id
 */
export function matcher(
  sessions: readonly KnownSession[],
  ownFrames: readonly (readonly SeenFrame[])[] = [],
): (frame: SeenFrame) => Match[] {
  const texts = sessions.map((session, index) => repliesIn(ownFrames[index] ?? [], session));
  const finder = secretFinder(
    sessions.flatMap(({ key, runIds, tokens }, session): Secret<Evidence>[] => [
      { session, kind: "session key", text: key },
      ...runIds.map((text) => ({ session, kind: "run id", text }) as const),
      ...tokens.map((text) => ({ session, kind: "text", text }) as const),
      ...texts[session]!
        // What two sessions have in common tells neither.
        .filter((text) => !texts.some((other, at) => at !== session && other.includes(text)))
        .map((text) => ({ session, kind: "text", text }) as const),
    ]),
  );
  return (frame) => {
    // Most frames hold nothing: the fast look first.
    const traces = finder.inText(frame.json).size > 0 ? finder.inValue(JSON.parse(frame.json)) : [];
    const found = [...Map.groupBy(traces, ({ session }) => session)].map(([session, own]) =>
      match(session, frame, own),
    );
    if (found.length > 0) return found.toSorted((a, b) => a.session - b.session);
    return matchOfOthers(sessions.length, frame);
  };
}

function match(session: number, { event }: SeenFrame, traces: readonly Trace<Evidence>[]): Match {
  const kinds = new Set(traces.map(({ kind }) => kind));
  return {
    session,
    by: (["session key", "run id", "text"] as const).filter((kind) => kinds.has(kind)),
    paths: [...new Set(traces.map(({ path }) => path))].slice(0, MAX_PATHS),
    excused: traces.every((trace) => isExcused(event, trace)),
  };
}

/** Whether a frame names a session that is unknown to this report. */
function matchOfOthers(session: number, { event, payload }: SeenFrame): Match[] {
  const own = event === "chat" || event === "agent" || event === "chat.side_result" || event.startsWith("session.");
  const where = own ? ["event"] : tellingPaths(event, payload);
  if (where.length === 0) return [];
  return [{ session, by: ["event"], paths: where.slice(0, MAX_PATHS), excused: false }];
}

/** Where a payload names some session, or holds a text that only sessions have. */
function tellingPaths(event: string, payload: unknown): string[] {
  const paths = new Set<string>();
  const rest: { readonly value: unknown; readonly path: string; readonly name: string }[] = [
    { value: payload, path: "payload", name: "" },
  ];
  for (let next = rest.pop(); next; next = rest.pop()) {
    const { value, path, name } = next;
    if (typeof value === "string") {
      const named = KEY_SHAPE.test(value) || (isKeyField(event, name) && value !== "");
      if (named && !isExcused(event, { kind: "session key", path })) paths.add(path);
      else if (value !== "" && TEXT_FIELDS[event]?.includes(name)) paths.add(path);
    } else if (Array.isArray(value)) {
      for (const each of value) rest.push({ value: each, path: `${path}[]`, name });
    } else if (typeof value === "object" && value !== null) {
      for (const [field, inner] of Object.entries(value)) {
        if (KEY_SHAPE.test(field)) paths.add(`${path}.(${field})`);
        rest.push({ value: inner, path: `${path}.${field}`, name: field });
      }
    }
  }
  return [...paths];
}

/** Where a session's key may stand that does not look like one, as `main` or `global`. */
function isKeyField(event: string, name: string): boolean {
  return /sessionKeys?$/i.test(name) || (event === "sessions.changed" && name === "key");
}

function textAt(value: unknown, name: string): string {
  const text = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof text === "string" ? text : "";
}

/** For each run the shortest text that is long enough: what it grows into contains it. */
function repliesIn(frames: readonly SeenFrame[], { runIds }: KnownSession): string[] {
  const shortest = new Map<string, string>();
  for (const { payload } of frames) {
    const runId = textAt(payload, "runId");
    if (!runIds.includes(runId)) continue;
    for (const text of textsOf(payload)) {
      const known = shortest.get(runId);
      if (text.length >= MIN_TEXT && (known === undefined || text.length < known.length)) shortest.set(runId, text);
    }
  }
  return [...shortest.values()];
}

/** The reply as far as a `chat` or `agent` frame carries it. */
function textsOf(payload: unknown): string[] {
  if (typeof payload !== "object" || payload === null) return [];
  const { message, data, stream } = payload as Record<string, unknown>;
  const content = typeof message === "object" && message !== null ? (message as { content?: unknown }).content : "";
  const parts = Array.isArray(content) ? content.map((part) => textAt(part, "text")) : [content];
  const ofAgent = stream === "assistant" ? textAt(data, "text") : "";
  return [...parts, ofAgent].filter((text): text is string => typeof text === "string" && text !== "");
}
