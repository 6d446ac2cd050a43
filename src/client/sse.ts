/** Server-sent events: one message for each event, its type as the event's name, the event as JSON. */
import type { EventQueue } from "./event-queue.ts";

/** Reads a queue into a stream of server-sent events. */
export function encodeSSE<T extends { readonly type: string }>(
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
