/** One chat at a time on each session: a second message would be merged into the run of the first one. */
import { ClientError } from "./errors.ts";

export interface Turns {
  /**
   * Waits for the turn on a session. Resolves with the function that passes it on.
   *
   * @throws ClientError of kind `busy` if too many wait
   */
  take(session: string, cancelled: Promise<unknown>): Promise<(restMs: number) => void>;
}

/** Makes the queues; at most `limit` chats wait on one session. */
export function createTurns(limit: number): Turns {
  const queues = new Map<string, { last: Promise<void>; waiting: number }>();

  return {
    async take(session, cancelled) {
      const queue = queues.get(session) ?? { last: Promise.resolve(), waiting: 0 };
      if (queue.waiting >= limit) {
        throw new ClientError("busy", `${limit} chats already wait for this session`, { retryable: true });
      }
      queues.set(session, queue);
      const before = queue.last;
      const own = Promise.withResolvers<void>();
      queue.last = Promise.all([before, own.promise]).then(() => undefined);
      queue.waiting += 1;
      const pass = (restMs: number): void => {
        const done = (): void => {
          own.resolve();
          queue.waiting -= 1;
          if (queue.waiting === 0) queues.delete(session);
        };
        if (restMs > 0) setTimeout(done, restMs).unref();
        else done();
      };
      await Promise.race([before, cancelled]);
      return pass;
    },
  };
}
