/** Counts which connection got which frames of which session. */
import { type KnownSession, type Match, matcher, type SeenFrame } from "./attribute.ts";
import type { ConnectionReport, Delivery, SessionReport, Standing, TimelineFrame } from "./shape.ts";

/** A connection and what it was entitled to. */
export interface Witness {
  readonly name: string;
  readonly asked: string;
  readonly scopes: readonly string[];
  readonly caps: readonly string[];
  readonly frames: readonly SeenFrame[];
  /** Sessions, by index, that it had asked for, and when: in milliseconds as `atMs`. */
  readonly claims: readonly { readonly session: number; readonly fromMs: number; readonly untilMs?: number }[];
  /** It asked for the list of sessions. */
  readonly roster?: boolean | undefined;
  /** Indexes of sessions whose runs it starts. */
  readonly sends?: readonly number[] | undefined;
}

export interface Observation {
  readonly connections: readonly ConnectionReport[];
  readonly sessions: readonly SessionReport[];
  readonly deliveries: readonly Delivery[];
  readonly timeline: readonly TimelineFrame[];
  readonly timelineDropped: number;
}

export const OTHER_SESSIONS = "other sessions";

/** A page with more of them is slow, and no clearer. */
const TIMELINE_LIMIT = 5_000;
/** Of one row: enough to see where a leak is. */
const MAX_PATHS = 8;

/** Sorts every frame of every connection by session and standing. */
export function observe(sessions: readonly KnownSession[], witnesses: readonly Witness[]): Observation {
  const ownFrames = sessions.map((_, index) =>
    witnesses.filter(({ sends }) => sends?.includes(index)).flatMap(({ frames }) => frames),
  );
  const match = matcher(sessions, ownFrames);
  const deliveries = new Map<string, Delivery>();
  const timeline: TimelineFrame[] = [];
  for (const [connection, witness] of witnesses.entries()) {
    for (const frame of witness.frames) {
      const bytes = byteLength(frame.json);
      for (const each of match(frame)) {
        const { session } = each;
        const standing = standingOf(witness, frame, each);
        const { event, atMs } = frame;
        timeline.push({ atMs, session, connection, event, bytes, standing });
        const key = JSON.stringify([session, connection, event, standing]);
        const before = deliveries.get(key);
        deliveries.set(key, {
          session,
          connection,
          event,
          standing,
          frames: (before?.frames ?? 0) + 1,
          bytes: (before?.bytes ?? 0) + bytes,
          by: union(before?.by ?? [], each.by),
          paths: union(before?.paths ?? [], each.paths).slice(0, MAX_PATHS),
        });
      }
    }
  }
  timeline.sort((a, b) => a.atMs - b.atMs);
  const others = [...deliveries.values()].some(({ session }) => session === sessions.length);
  return {
    connections: witnesses.map(connectionReport),
    sessions: [
      ...sessions.map(({ name, key, runIds }) => ({ name, key, runIds })),
      ...(others ? [{ name: OTHER_SESSIONS, key: "", runIds: [] }] : []),
    ],
    deliveries: [...deliveries.values()].sort((a, b) => a.session - b.session || a.connection - b.connection),
    timeline: timeline.slice(0, TIMELINE_LIMIT),
    timelineDropped: Math.max(0, timeline.length - TIMELINE_LIMIT),
  };
}

function standingOf(witness: Witness, { event, atMs }: SeenFrame, { session, excused }: Match): Standing {
  const claimed = witness.claims.some(
    (claim) => claim.session === session && claim.fromMs <= atMs && atMs <= (claim.untilMs ?? Infinity),
  );
  if (claimed) return "own";
  if (event === "sessions.changed" && witness.roster) return "roster";
  return excused ? "named" : "foreign";
}

function connectionReport({ name, asked, scopes, caps, frames }: Witness): ConnectionReport {
  const numbers = frames.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
  const steps = numbers.slice(1).map((seq, index) => seq - numbers[index]!);
  return {
    name,
    asked,
    scopes,
    caps,
    frames: frames.length,
    bytes: frames.reduce((sum, { json }) => sum + byteLength(json), 0),
    gaps: steps.filter((step) => step > 1).length,
    repeats: steps.filter((step) => step < 1).length,
  };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function union<T>(a: readonly T[], b: readonly T[]): T[] {
  return [...new Set([...a, ...b])];
}
