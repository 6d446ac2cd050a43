import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Fn, MAIN, release, RUN } from "./cron-release.ts";

describe("many events of cron runs", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const DONE = (index: number): string => `Exec completed (job-${index}, code 0)`;

  /** Takes what is in the main session's queue, again and again, until nothing comes any more. */
  async function drained({ queues }: ReturnType<typeof release>): Promise<string[][]> {
    const taken: string[][] = [];
    for (let next = queues.get(MAIN); next?.length; next = queues.get(MAIN)) {
      taken.push(next);
      queues.delete(MAIN);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    return taken;
  }

  test("a hundred events of ten cron runs come in portions of ten, in their order, and none is lost", async () => {
    const gateway = release();
    const texts = Array.from({ length: 100 }, (_, index) => DONE(index));
    for (const [index, text] of texts.entries()) {
      expect(gateway.enqueue(text, { sessionKey: `agent:main:cron:job:run:${index % 10}` })).toBe(true);
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.queues.get(MAIN)).toHaveLength(10);
    const portions = await drained(gateway);
    expect(portions.map(({ length }) => length)).toEqual(Array.from({ length: 10 }, () => 10));
    expect(portions.flat()).toEqual(texts);
    // Each is followed once it is in the queue.
    expect(gateway.followed.flatMap((each) => each.texts)).toEqual(texts);
    expect(gateway.counts).toEqual({ remapped: 100 });
    expect(gateway.warnings).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("events of cron runs push none of the main session's own events out of its queue", async () => {
    const gateway = release();
    const own = Array.from({ length: 10 }, (_, index) => `own ${index}`);
    for (const text of own.slice(0, 5)) gateway.enqueue(text, { sessionKey: MAIN });
    for (let index = 0; index < 20; index += 1) gateway.enqueue(DONE(index), { sessionKey: RUN });
    for (const text of own.slice(5)) gateway.enqueue(text, { sessionKey: MAIN });
    const portions = await drained(gateway);
    expect(portions[0]).toEqual(expect.arrayContaining(own));
    expect(portions.flat()).toHaveLength(30);
    expect(gateway.counts).toEqual({ remapped: 20 });
  });

  test("events of cron runs wait while a heartbeat is under way, which may give back what it took", async () => {
    const gateway = release();
    for (let index = 0; index < 11; index += 1) gateway.enqueue(DONE(index), { sessionKey: RUN });
    gateway.queues.delete(MAIN);
    gateway.beat.on = true;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.queues.get(MAIN)).toBeUndefined();
    gateway.beat.on = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(gateway.queues.get(MAIN)).toEqual([DONE(10)]);
  });

  test("beyond a hundred that wait, the oldest are dropped, each counted and all in one warning", async () => {
    const gateway = release();
    for (let index = 0; index < 150; index += 1) gateway.enqueue(DONE(index), { sessionKey: RUN });
    expect(gateway.counts).toEqual({ remapped: 150, "queue-overflow": 40 });
    expect(gateway.warnings).toEqual([expect.stringMatching(/full \(100 events\)/)]);
    const seen = (await drained(gateway)).flat();
    expect([seen.length, seen[9], seen[10]]).toEqual([110, DONE(9), DONE(50)]);
  });

  test("an event that cannot be put into its queue later is counted, and the next ones come", async () => {
    const gateway = release();
    const { enqueueSystemEvent } = gateway.originals as { enqueueSystemEvent: Fn };
    const enqueue = gateway.replacements["enqueueSystemEvent"]!(((text: string, options: object) => {
      if (text === DONE(10)) throw new Error("theirs");
      return enqueueSystemEvent(...([text, options] as never[]));
    }) as Fn) as (...args: unknown[]) => unknown;
    for (let index = 0; index < 12; index += 1) enqueue(DONE(index), { sessionKey: RUN });
    expect((await drained(gateway)).flat()).toHaveLength(11);
    expect(gateway.counts).toEqual({ remapped: 12, error: 1 });
  });

  test.each([
    ["whose callers want the event that they enqueue", "enqueueSystemEventEntry", []],
    ["of a release that wakes the main session itself", "enqueueSystemEvent", ["enqueueOwnedSystemEventEntry"]],
  ])("a function %s puts each event into the queue at once", (_, name, has) => {
    const gateway = release({ has });
    const put: unknown[] = [];
    const enqueue = gateway.replacements[name]!(((text: string) => put.push(text)) as Fn) as (
      ...args: unknown[]
    ) => unknown;
    gateway.queues.set(
      MAIN,
      Array.from({ length: 20 }, (_unused, index) => `own ${index}`),
    );
    enqueue("done", { sessionKey: RUN });
    expect(put).toEqual(["done"]);
  });
});
