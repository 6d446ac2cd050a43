/** The life of one chat: wait for the turn, send, read frames, end; with its bounds, its abort and its recovery. */
import { setTimeout as sleep } from "node:timers/promises";
import { isSameBoot } from "./connection.ts";
import { ClientError } from "./errors.ts";
import { createEventQueue } from "./event-queue.ts";
import type { ChatRequest } from "./options.ts";
import {
  abortOnGateway,
  explainEmpty,
  isCommandStatus,
  isSwallowed,
  readUsage,
  recoverRun,
  type Verdict,
} from "./recovery.ts";
import { createRunReader, type Reading, type RunEnd } from "./run-state.ts";
import type { KnownOutcome, LiveRun, RunCore, RunHost, SentKey } from "./run-table.ts";
import type { Outcome } from "./transcript.ts";
import type { ChatEvent } from "./types.ts";

/** 2026.5 and older merge a message that follows a reply at once into the run that just ended. */
const REST_MS = 500;
/** Until a message that the gateway was not ready for, or ran nothing for, is sent again. */
const RESEND_MS = 500;

/** Starts a chat; never throws, everything ends up in the stream. */
export function startRun(host: RunHost, request: ChatRequest): RunCore {
  const { connection, table, settings, redact } = host;
  const { sessionKey, runId, message } = request;
  const reader = createRunReader();
  const queue = createEventQueue<ChatEvent>(settings.maxQueuedEvents);
  const result = Promise.withResolvers<KnownOutcome>();
  const over = Promise.withResolvers<void>();
  const startedAt = Date.now();
  /** Ids under which the gateway runs it. */
  const removals: (() => void)[] = [];
  let gatewayRunId = runId;
  /** The connection that last made the session its own. */
  const claimed = { generation: 0 };
  let sent: SentKey | undefined;
  let running = false;
  let isOver = false;
  let ending = false;
  let aborting = false;
  let mending = false;
  let lastFrameAt = startedAt;
  let deadline: NodeJS.Timeout | undefined;
  let stall: NodeJS.Timeout | undefined;

  const live: LiveRun = { ownsKey: host.ownsKey(sessionKey), read };

  function push(events: readonly ChatEvent[]): void {
    for (const event of events) {
      if (queue.push(event) || isOver) continue;
      stopOnGateway();
      const limit = settings.maxQueuedEvents;
      fail(new ClientError("slow-consumer", `${limit} events were not read: the stream was given up`));
      return;
    }
  }

  /** The one way out. */
  function finish(last: ChatEvent, outcome: KnownOutcome, remember = true): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(deadline);
    clearTimeout(stall);
    request.signal?.removeEventListener("abort", onSignal);
    for (const remove of removals) remove();
    host.live.delete(core);
    // Only a key that the caller chose can come again.
    if (sent && remember && request.idempotencyKey !== undefined) sent.outcome = outcome;
    queue.end(last);
    result.resolve(outcome);
    over.resolve();
  }

  function fail(error: ClientError): void {
    if (isOver) return;
    // Not by push: a queue that is full is one of the reasons to be here.
    if (running) queue.push({ type: "lifecycle", phase: "error" });
    const { kind, retryable } = error;
    const plain = redact(error.message);
    // Only the gateway's own verdict on the run is final: after a lost connection the same key may be used again.
    finish({ type: "error", kind, retryable, message: plain }, { kind: "error", error }, kind === "model");
  }

  function finishAborted(confirmed: boolean): void {
    const { text } = reader;
    finish({ type: "lifecycle", phase: "aborted", confirmed, text }, { kind: "aborted", text });
  }

  async function finishDone(text: string, known?: Outcome["usage"]): Promise<void> {
    ending = true;
    clearTimeout(stall);
    push([{ type: "lifecycle", phase: "end" }]);
    const usage = known ?? (request.usage === false ? undefined : await readUsage(host, wanted(), () => isOver));
    if (usage) push([{ type: "usage", ...usage }]);
    finish({ type: "done", text }, { kind: "done", text });
  }

  function wanted() {
    return { sessionKey, runId, message, since: (sent?.sentAt ?? startedAt) + connection.clockOffset - 2_000 };
  }

  function read(event: "chat" | "agent", payload: Readonly<Record<string, unknown>>): Reading {
    if (ending) return "late";
    const reading = event === "chat" ? reader.chat(payload) : reader.agent(payload);
    lastFrameAt = Date.now();
    if (typeof reading === "string") return reading;
    if (reading.events.length > 0) push(reading.events);
    if (reading.end) onEnd(reading.end);
    return reading;
  }

  function onEnd(end: RunEnd): void {
    if (end.how === "aborted") finishAborted(true);
    else if (end.how === "error") fail(new ClientError("model", end.errorMessage ?? "the run ended with an error"));
    else if (end.text !== "") void finishDone(end.text);
    else void onEmpty(end.started);
  }

  /** An empty final: an empty reply, an error that the release does not tell, or a reply that went elsewhere. */
  async function onEmpty(started: boolean): Promise<void> {
    if (aborting) return finishAborted(true);
    ending = true;
    clearTimeout(stall);
    const verdict = await explainEmpty(host, wanted(), started, () => isOver || aborting);
    if (aborting) finishAborted(false);
    else apply(verdict);
  }

  function apply(verdict: Verdict): void {
    if (isOver || verdict.kind === "running") return;
    if (verdict.kind === "aborted") finishAborted(true);
    else if (verdict.kind === "error") fail(verdict.error);
    else {
      // What was missed while the frames did not come.
      const reading = reader.chat({ state: "final", message: { content: verdict.text } });
      if (typeof reading !== "string") push(reading.events);
      else if (verdict.text !== "") push([{ type: "text-delta", delta: verdict.text, replace: true }]);
      void finishDone(verdict.text, verdict.usage);
    }
  }

  /** Finds the outcome of the run: after a reconnect, and when no frame of it has come for long. */
  async function look(): Promise<void> {
    if (mending || isOver || ending || !running) return;
    mending = true;
    clearTimeout(stall);
    try {
      const place = { ...wanted(), gatewayRunId, boot: sent?.boot, claimed };
      apply(await recoverRun(host, place, () => isOver || ending));
    } catch (error) {
      fail(asError(error));
    } finally {
      mending = false;
      if (!isOver && !ending) armStall();
    }
  }

  /** Looks after `stallMs` of silence. A timer that is moved with each frame would cost more than the frame. */
  function armStall(): void {
    clearTimeout(stall);
    const silence = Date.now() - lastFrameAt;
    if (silence >= settings.stallMs) lastFrameAt = Date.now();
    stall = setTimeout(
      () => (Date.now() - lastFrameAt >= settings.stallMs ? void look() : armStall()),
      Math.max(50, Math.min(settings.stallMs, settings.stallMs - silence)),
    );
    stall.unref();
  }

  function stopOnGateway(): void {
    if (!sent) return;
    connection.request("chat.abort", { sessionKey, runId: gatewayRunId }).catch(() => {
      host.abortLater(sessionKey, gatewayRunId);
    });
  }

  async function abort(): Promise<void> {
    if (isOver) return;
    if (!aborting) {
      aborting = true;
      void endByAbort();
    }
    await over.promise;
  }

  async function endByAbort(): Promise<void> {
    if (!sent) return finishAborted(true);
    const how = await abortOnGateway({
      connection,
      graceMs: settings.abortGraceMs,
      over: over.promise,
      isOver: () => isOver,
      target: () => ({ sessionKey, runId: gatewayRunId }),
    });
    if (how === "unheard") host.abortLater(sessionKey, gatewayRunId);
    finishAborted(how === "aborted");
  }

  function onSignal(): void {
    void abort();
  }

  function onDeadline(): void {
    const error = new ClientError("timeout", `no end in ${request.totalMs} ms`, { retryable: !sent });
    stopOnGateway();
    fail(error);
  }

  async function drive(): Promise<void> {
    deadline = setTimeout(onDeadline, request.totalMs);
    deadline.unref();
    request.signal?.addEventListener("abort", onSignal, { once: true });
    if (request.signal?.aborted) return finishAborted(true);
    const pass = await host.turns.take(host.canonical(sessionKey), over.promise);
    try {
      if (!isOver && !aborting) await send();
      await over.promise;
    } finally {
      pass(sent && connection.hello["protocol"] === 3 ? REST_MS : 0);
    }
  }

  async function send(): Promise<void> {
    const before = table.sent.get(runId);
    if (before && before.sessionKey !== sessionKey) {
      throw new ClientError("invalid-argument", "idempotencyKey was already used for another session");
    }
    if (before?.outcome) return replay(before.outcome);
    sent = before;
    const until = Date.now() + settings.recoverMs;
    for (;;) {
      const isUp = await connection.whenUp(until - Date.now());
      if (isOver || aborting) return;
      if (!isUp || Date.now() > until) {
        throw new ClientError("disconnected", "no connection to the gateway", { retryable: !sent });
      }
      // Sent before, to a gateway that has since forgotten its keys: sending it again might run it twice.
      if (sent && !isSameBoot(sent.boot, connection.boot)) return void startWatching();
      const { generation } = connection;
      const answer = await sendOnce().catch((error: unknown) => asError(error));
      if (isOver) return;
      if (!(answer instanceof ClientError)) {
        const isRun = Date.now() + RESEND_MS > until || !(await isSwallowed(host, runId, answer));
        if (isOver) return;
        if (isRun) return onAnswer(answer);
        await sleep(RESEND_MS);
        continue;
      }
      if (aborting) return;
      if (answer.kind === "unresponsive") connection.restart(generation);
      else if (isStartingUp(answer)) await sleep(RESEND_MS);
      else if (answer.kind !== "disconnected") throw answer;
    }
  }

  function sendOnce() {
    const { attachments, thinking } = request;
    removals.push(table.add(runId, live));
    claimed.generation = connection.generation;
    host.claim(sessionKey);
    const onSent = (): void => {
      sent ??= table.remember(runId, { sessionKey, boot: connection.boot, sentAt: Date.now() });
    };
    const params = {
      sessionKey,
      message,
      idempotencyKey: runId,
      ...(attachments ? { attachments } : {}),
      ...(thinking === undefined ? {} : { thinking }),
      ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
    };
    return connection.request("chat.send", params, { onSent });
  }

  function onAnswer(answer: Readonly<Record<string, unknown>>): void {
    const { runId: answered, status } = answer;
    // A command such as /stop has no run.
    if (typeof answered !== "string") return void finishDone("", undefined);
    if (answered !== runId) {
      // 2026.5 joins a message to an active run of the same text.
      gatewayRunId = answered;
      removals.push(table.add(answered, live));
    }
    startWatching(isCommandStatus(status));
  }

  /** From here on frames, timers and the connection's fate drive it. */
  function startWatching(isRunning = false): void {
    running = true;
    if (isRunning) armStall();
    else void look();
  }

  function replay(outcome: KnownOutcome): void {
    if (outcome.kind === "error") return fail(outcome.error);
    if (outcome.text !== "") push([{ type: "text-delta", delta: outcome.text }]);
    const { text } = outcome;
    if (outcome.kind === "done") finish({ type: "done", text }, outcome);
    else finish({ type: "lifecycle", phase: "aborted", confirmed: true, text }, outcome);
  }

  const core: RunCore = {
    runId,
    sessionKey,
    queue,
    result: result.promise,
    abort,
    fail,
    interrupted: () => void look(),
  };
  host.live.add(core);
  drive().catch((error: unknown) => fail(asError(error)));
  return core;
}

function isStartingUp(error: ClientError): boolean {
  return error.code === "UNAVAILABLE" && /start/i.test(error.message);
}

function asError(error: unknown): ClientError {
  return error instanceof ClientError ? error : new ClientError("disconnected", String(error));
}
