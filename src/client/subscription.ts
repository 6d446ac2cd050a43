/** Everything that happens in one session: runs of whomever, messages, approvals. */
import { createEventQueue } from "./event-queue.ts";
import type { Connection } from "./connection.ts";
import { ClientError } from "./errors.ts";
import { askForEvents } from "./recovery.ts";
import { createRunReader, isFields, type Reading, type RunReader } from "./run-state.ts";
import { type HistoryMessage, readMessages } from "./transcript.ts";
import type { ChatEvent } from "./types.ts";

/** A message that was stored in the session. Releases from 2026.5 on send them. */
export interface MessageEvent {
  readonly type: "message";
  readonly message: HistoryMessage;
}

/** Somebody has to allow a command, or has. Needs the scope `operator.approvals`. */
export interface ApprovalEvent {
  readonly type: "approval";
  readonly state: "requested" | "resolved";
  readonly id: string;
  /** The command or action, where the gateway names it. */
  readonly command: string | undefined;
  /** `allow-once`, `allow-always`, `deny`, …, once resolved. */
  readonly decision: string | undefined;
}

/** The connection was lost and is back: what happened meanwhile is in the history only. */
export interface GapEvent {
  readonly type: "gap";
}

/** One event of a session. Those of runs carry the run's id. */
export type SessionEvent = (ChatEvent & { readonly runId?: string }) | MessageEvent | ApprovalEvent | GapEvent;

/** Options of {@link Client.subscribe}. */
export interface SubscribeOptions {
  /**
   * Also runs and messages of which the release does not say whether a heartbeat made them: before 2026.9 all those that
   * this client did not start. Default false: nothing of a heartbeat is ever yielded.
   */
  readonly includeUnmarked?: boolean;
}

/** A subscription: read it once; leaving the loop closes it. */
export interface Subscription extends AsyncIterable<SessionEvent> {
  close(): Promise<void>;
}

export interface SubscriptionHost {
  readonly connection: Connection;
  readonly maxQueuedEvents: number;
  ownsKey(key: string): boolean;
  isOwnRun(runId: string): boolean;
  /** The subscription is over. */
  closed(subscription: SubscriptionCore): void;
}

export interface SubscriptionCore {
  /** True if the frame is of this session. */
  read(event: string, payload: unknown): boolean;
  /** There is a connection, the first or a new one. */
  up(): void;
  fail(error: ClientError): void;
  readonly handle: Subscription;
  readonly sessionKey: string;
}

/** Runs and approvals that one subscription keeps in mind; the oldest is forgotten first. */
const MAX_RUNS = 64;

type Fields = Readonly<Record<string, unknown>>;

/** Makes a subscription; call `up` to start it. */
export function createSubscription(
  host: SubscriptionHost,
  sessionKey: string,
  options: SubscribeOptions,
): SubscriptionCore {
  const { connection } = host;
  const queue = createEventQueue<SessionEvent>(host.maxQueuedEvents);
  const runs = new Map<string, { reader: RunReader; isHeartbeat: boolean | undefined }>();
  const approvals = new Set<string>();
  let ups = 0;
  let isOver = false;

  function push(event: SessionEvent): void {
    if (queue.push(event) || isOver) return;
    const message = `${host.maxQueuedEvents} events were not read: the subscription was given up`;
    fail(new ClientError("slow-consumer", message));
  }

  function end(last?: SessionEvent): void {
    if (isOver) return;
    isOver = true;
    queue.end(last);
    host.closed(core);
  }

  function fail({ kind, retryable, message }: ClientError): void {
    end({ type: "error", kind, retryable, message });
  }

  async function start(): Promise<void> {
    ups += 1;
    if (ups > 1) push({ type: "gap" });
    try {
      await askForEvents(connection, sessionKey);
    } catch (error) {
      // A connection that is lost comes back, and with it the next start.
      if (error instanceof ClientError && error.kind === "disconnected") return;
      fail(error instanceof ClientError ? error : new ClientError("disconnected", String(error)));
    }
  }

  function readRun(event: "chat" | "agent", payload: Fields): void {
    const { runId, isHeartbeat } = payload;
    if (typeof runId !== "string") return;
    const run = runs.get(runId) ?? remember(runId);
    if (typeof isHeartbeat === "boolean") run.isHeartbeat ??= isHeartbeat;
    if (!isTold(runId)) return;
    const reading = event === "chat" ? run.reader.chat(payload) : run.reader.agent(payload);
    for (const told of eventsOf(reading)) push({ ...told, runId });
  }

  function remember(runId: string) {
    if (runs.size >= MAX_RUNS) runs.delete(runs.keys().next().value!);
    const run = { reader: createRunReader(), isHeartbeat: host.isOwnRun(runId) ? false : undefined };
    runs.set(runId, run);
    return run;
  }

  /** Whether to report a run, or a message without one. */
  function isTold(runId: string | undefined): boolean {
    const isHeartbeat = runId === undefined ? undefined : runs.get(runId)?.isHeartbeat;
    return isHeartbeat === undefined ? options.includeUnmarked === true : !isHeartbeat;
  }

  function readMessage(payload: Fields): void {
    const [message] = readMessages({ messages: [payload["message"]] });
    // A message with a key was sent by a user or client.
    if (message && (message.idempotencyKey !== undefined || isTold(message.runId))) push({ type: "message", message });
  }

  function readApproval(event: string, payload: Fields): boolean {
    const { id, decision } = payload;
    const request = isFields(payload["request"]) ? payload["request"] : {};
    const { sessionKey: key } = request;
    if (typeof id !== "string") return false;
    const isRequest = event.endsWith(".requested");
    if (isRequest ? typeof key !== "string" || !host.ownsKey(key) : !approvals.delete(id)) return false;
    if (isRequest) {
      if (approvals.size >= MAX_RUNS) approvals.delete(approvals.values().next().value!);
      approvals.add(id);
    }
    const command = request["command"] ?? request["title"];
    push({
      type: "approval",
      state: isRequest ? "requested" : "resolved",
      id,
      command: typeof command === "string" ? command : undefined,
      decision: typeof decision === "string" ? decision : undefined,
    });
    return true;
  }

  function read(event: string, payload: unknown): boolean {
    if (isOver || !isFields(payload)) return false;
    if (event.includes(".approval.")) return readApproval(event, payload);
    const key = payload["sessionKey"];
    if (typeof key !== "string" || !host.ownsKey(key)) return false;
    if (event === "chat" || event === "agent") readRun(event, payload);
    else if (event === "session.message") readMessage(payload);
    return true;
  }

  async function* events(): AsyncGenerator<SessionEvent, void, void> {
    try {
      for (let event = await queue.next(); event !== undefined; event = await queue.next()) yield event;
    } finally {
      end();
    }
  }

  const handle: Subscription = {
    close() {
      end();
      return Promise.resolve();
    },
    [Symbol.asyncIterator]: events,
  };
  const core: SubscriptionCore = { read, up: () => void start(), fail, handle, sessionKey };
  return core;
}

function eventsOf(reading: Reading): ChatEvent[] {
  if (typeof reading === "string") return [];
  const { end } = reading;
  if (!end) return [...reading.events];
  switch (end.how) {
    case "final":
      return [...reading.events, { type: "lifecycle", phase: "end" }, { type: "done", text: end.text }];
    case "aborted":
      return [...reading.events, { type: "lifecycle", phase: "aborted", confirmed: true, text: end.text }];
    default:
      return [
        ...reading.events,
        { type: "lifecycle", phase: "error" },
        { type: "error", kind: "model", retryable: false, message: end.errorMessage ?? "the run ended with an error" },
      ];
  }
}
