/** The runs of one client: what each needs of it, whose frames are whose, and what is remembered of runs that are over. */
import type { Boot, Connection } from "./connection.ts";
import type { ClientError } from "./errors.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Settings } from "./options.ts";
import { isFields, type Reading } from "./run-state.ts";
import type { Turns } from "./turns.ts";
import type { ChatEvent, Dropped } from "./types.ts";

/** What a run needs of its client. */
export interface RunHost {
  readonly connection: Connection;
  readonly table: RunTable;
  readonly turns: Turns;
  readonly settings: Settings;
  readonly redact: (text: string) => string;
  ownsKey(own: string): (key: string) => boolean;
  canonical(key: string): string;
  /** Notes that the session's events are asked for. */
  claim(key: string): void;
  /** Runs to notify when the connection is lost. */
  readonly live: Set<RunCore>;
  /** Sends an abort once there is a connection again. */
  abortLater(sessionKey: string, runId: string): void;
}

/** A run as its client sees it. */
export interface RunCore {
  readonly runId: string;
  readonly sessionKey: string;
  readonly queue: EventQueue<ChatEvent>;
  readonly result: Promise<KnownOutcome>;
  abort(): Promise<void>;
  fail(error: ClientError): void;
  /** The connection was lost. */
  interrupted(): void;
}

/** A run that wants its frames. */
export interface LiveRun {
  ownsKey(sessionKey: string): boolean;
  /** A frame of this run; says what the frame was good for. */
  read(event: "chat" | "agent", payload: Readonly<Record<string, unknown>>): Reading;
}

/** How a run ended, as far as the gateway said so. */
export type KnownOutcome =
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "aborted"; readonly text: string }
  | { readonly kind: "error"; readonly error: ClientError };

/** The record of an idempotency key that was sent. */
export interface SentKey {
  readonly sessionKey: string;
  /** The gateway's start that it was sent to. */
  boot: Boot | undefined;
  sentAt: number;
  outcome?: KnownOutcome;
}

/** Keys that are remembered; the oldest is forgotten first, and then the gateway's own memory is what is left. */
const MAX_REMEMBERED = 500;

export interface RunTable {
  readonly dropped: Dropped;
  readonly sent: Map<string, SentKey>;
  /** Sends the frames of a run id to a run. Returns what ends that. */
  add(runId: string, run: LiveRun): () => void;
  remember(key: string, sent: SentKey): SentKey;
  /** Gives a frame to the run it belongs to; `elsewhere` if a subscription took it, so that it is not foreign. */
  route(event: string, payload: unknown, elsewhere: boolean): void;
  has(runId: string): boolean;
}

export function createRunTable(): RunTable {
  const runs = new Map<string, Set<LiveRun>>();
  const sent = new Map<string, SentKey>();
  const dropped: Dropped = {
    malformed: 0,
    noKey: 0,
    foreignRun: 0,
    foreignSession: 0,
    heartbeat: 0,
    stale: 0,
    late: 0,
  };

  function drop(reason: keyof Dropped): void {
    dropped[reason] += 1;
  }

  return {
    dropped,
    sent,
    add(runId, run) {
      const known = runs.get(runId) ?? new Set();
      known.add(run);
      runs.set(runId, known);
      return () => {
        known.delete(run);
        if (known.size === 0 && runs.get(runId) === known) runs.delete(runId);
      };
    },
    remember(key, entry) {
      sent.delete(key);
      sent.set(key, entry);
      if (sent.size > MAX_REMEMBERED) sent.delete(sent.keys().next().value!);
      return entry;
    },
    has: (runId) => runs.has(runId) || sent.has(runId),
    route(event, payload, elsewhere) {
      if (event !== "chat" && event !== "agent") return;
      if (!isFields(payload)) return drop("malformed");
      const { runId, sessionKey } = payload;
      if (typeof runId !== "string") return drop("malformed");
      const owners = runs.get(runId);
      if (!owners) {
        if (!elsewhere) drop("foreignRun");
        return;
      }
      if (typeof sessionKey !== "string") return drop("noKey");
      if (payload["isHeartbeat"] === true) return drop("heartbeat");
      for (const run of owners) {
        if (!run.ownsKey(sessionKey)) drop("foreignSession");
        else {
          const reading = run.read(event, payload);
          if (typeof reading === "string") drop(reading);
        }
      }
    },
  };
}
