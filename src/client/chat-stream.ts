/** A chat as its caller holds it: an async iterable, with its final text, its abort, and its forms for HTTP. */
import { ClientError } from "./errors.ts";
import type { EventQueue } from "./event-queue.ts";
import type { RunCore } from "./run-table.ts";
import type { ChatEvent } from "./types.ts";

/**
 * One chat. Read it once, by `for await`, {@link ChatRun.toSSE} or {@link ChatRun.toReadableStream}; leaving the loop
 * early, or cancelling the stream, aborts the run.
 */
export interface ChatRun extends AsyncIterable<ChatEvent> {
  /** The run's id: the idempotency key. */
  readonly runId: string;
  /**
   * Stops the run on the gateway (`chat.abort`). Resolves when the stream has ended, which is after `abortGraceMs` at the
   * latest, even if the gateway does not answer. The last event says whether the gateway confirmed it.
   */
  abort(): Promise<void>;
  /**
   * The whole reply. Use it alongside the iteration, or alone; alone, it keeps no events.
   *
   * @throws ClientError if the run failed, or was aborted (kind `aborted`)
   */
  finalText(): Promise<string>;
  /** The events as server-sent events, UTF-8, for a `Response` or a `node:http` response. See {@link SSEOptions}. */
  toSSE(options?: SSEOptions): ReadableStream<Uint8Array>;
  /** The events as a web stream. */
  toReadableStream(): ReadableStream<ChatEvent>;
}

/** Options of {@link ChatRun.toSSE}. */
export interface SSEOptions {
  /** A comment is sent after this many milliseconds without an event, so that proxies keep the connection. 15,000. */
  readonly keepAliveMs?: number;
}

/** Dresses a run for its caller. */
export function createChatRun(core: RunCore): ChatRun {
  const { runId, queue, result } = core;

  // By hand: an async generator costs two more promises for each event.
  function read(): AsyncIterableIterator<ChatEvent> {
    let left = false;
    const over: IteratorResult<ChatEvent> = { done: true, value: undefined };
    return {
      next: () => (left ? Promise.resolve(over) : queue.take()),
      return() {
        left = true;
        void core.abort();
        return Promise.resolve(over);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  function toReadableStream(): ReadableStream<ChatEvent> {
    return new ReadableStream<ChatEvent>(
      {
        async pull(controller) {
          const event = await queue.next();
          if (event === undefined) controller.close();
          else controller.enqueue(event);
        },
        cancel: () => core.abort(),
      },
      // The run's own queue is the buffer.
      { highWaterMark: 0 },
    );
  }

  return {
    runId,
    abort: core.abort,
    async finalText() {
      queue.discard();
      const outcome = await result;
      if (outcome.kind === "error") throw outcome.error;
      if (outcome.kind === "aborted") throw new ClientError("aborted", "the run was aborted");
      return outcome.text;
    },
    toReadableStream,
    toSSE: ({ keepAliveMs = 15_000 } = {}) => encodeSSE(queue, () => core.abort(), keepAliveMs),
    [Symbol.asyncIterator]: read,
  };
}

/** Reads a queue into server-sent events: one message for each event, its type as the event's name, the event as JSON. */
function encodeSSE<T extends { readonly type: string }>(
  queue: EventQueue<T>,
  cancel: () => Promise<void>,
  keepAliveMs: number,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: Promise<T | undefined> | undefined;

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        next ??= queue.next();
        const silence = Promise.withResolvers<"silence">();
        const timer = setTimeout(() => silence.resolve("silence"), keepAliveMs);
        const event = await Promise.race([next, silence.promise]);
        clearTimeout(timer);
        if (event === "silence") {
          controller.enqueue(encoder.encode(": \n\n"));
          return;
        }
        next = undefined;
        if (event === undefined) controller.close();
        // JSON has no line breaks in it, so one data line is enough.
        else controller.enqueue(encoder.encode(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`));
      },
      cancel,
    },
    { highWaterMark: 0 },
  );
}
