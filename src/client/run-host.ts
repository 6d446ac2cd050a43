/** What a run and its client know of each other. */
import type { Connection } from "./connection.ts";
import type { ClientError } from "./errors.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Settings } from "./options.ts";
import type { KnownOutcome, RunTable } from "./run-table.ts";
import type { Turns } from "./turns.ts";
import type { ChatEvent, ChatOptions } from "./types.ts";

/** What a run needs of its client. */
export interface RunHost {
  readonly connection: Connection;
  readonly table: RunTable;
  readonly turns: Turns;
  readonly settings: Settings;
  readonly redact: (text: string) => string;
  ownsKey(own: string): (key: string) => boolean;
  canonical(key: string): string;
  /** The session's events are asked for. */
  claim(key: string): void;
  /** Runs that are to be told of the connection's fate. */
  readonly live: Set<RunCore>;
  /** Sends an abort once there is a connection again. */
  abortLater(sessionKey: string, runId: string): void;
}

/** The options of one chat, checked. */
export interface ChatRequest extends ChatOptions {
  readonly runId: string;
  readonly totalMs: number;
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
