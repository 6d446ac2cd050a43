/**
 * Of which session a frame is, seen from outside: by what is written in it.
 *
 * This is on purpose not the policy's own reading of events: what judges must not share the
 * mistakes of what is judged.
 */
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
}

/** Events that every connection needs and that may name a session without telling of it. */
const STATUS = new Set(["connect.challenge", "tick", "shutdown", "health", "presence", "update.available"]);

/** Shorter texts are likely to be the same by chance. */
const MIN_TEXT = 16;

export function isStatus(event: string): boolean {
  return STATUS.has(event);
}

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
  const marks = sessions.map((session, index) => ({
    key: session.key.toLowerCase(),
    runIds: session.runIds.map((each) => each.toLowerCase()),
    // What two sessions have in common tells neither.
    texts: [
      ...session.tokens.map(escaped),
      ...texts[index]!.filter((text) => !texts.some((other, at) => at !== index && other.includes(text))),
    ],
  }));
  return (frame) => {
    const json = frame.json.toLowerCase();
    const found = marks.flatMap((mark, session): Match[] => {
      const by: Evidence[] = [];
      if (json.includes(mark.key)) by.push("session key");
      if (mark.runIds.some((runId) => json.includes(runId))) by.push("run id");
      if (mark.texts.some((text) => json.includes(text))) by.push("text");
      return by.length > 0 ? [{ session, by }] : [];
    });
    if (found.length > 0) return found;
    return isOfSomeSession(frame) ? [{ session: sessions.length, by: ["event"] }] : [];
  };
}

/** Whether a frame tells of a session, whichever. */
function isOfSomeSession({ event, payload }: SeenFrame): boolean {
  if (isStatus(event)) return false;
  if (event === "chat" || event === "agent" || event === "chat.side_result" || event.startsWith("session."))
    return true;
  if (event === "heartbeat") return hasText(payload, "preview") || hasText(payload, "to");
  return hasSessionKey(payload, 3) || (event === "sessions.changed" && hasText(payload, "key"));
}

function hasSessionKey(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (hasText(value, "sessionKey")) return true;
  return depth > 0 && Object.values(value).some((part) => hasSessionKey(part, depth - 1));
}

function hasText(value: unknown, name: string): boolean {
  return textAt(value, name) !== "";
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
  return [...shortest.values()].map(escaped);
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

/** A text as it stands inside of JSON, in lower case. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1).toLowerCase();
}
