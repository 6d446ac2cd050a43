import { expect, test } from "vitest";
import { createEventQueue } from "../../src/client/event-queue.ts";

test("the queue hands out events in order, and the last one after its bound was reached", async () => {
  const queue = createEventQueue<number>(3);
  expect([1, 2, 3, 4].map((n) => queue.push(n))).toEqual([true, true, true, false]);
  queue.end(9);
  expect(queue.push(5)).toBe(false);
  const read = [await queue.next(), await queue.next(), await queue.next(), await queue.next(), await queue.next()];
  expect(read).toEqual([1, 2, 3, 9, undefined]);
});

test("a waiting reader gets the next event and the end", async () => {
  const queue = createEventQueue<number>(1);
  const both = [queue.next(), queue.next(), queue.next()];
  queue.push(1);
  queue.push(2);
  queue.end();
  expect(await Promise.all(both)).toEqual([1, 2, undefined]);
});

test("the queue keeps no event that nobody will read, except the last", async () => {
  const queue = createEventQueue<number>(2);
  queue.push(1);
  queue.discard();
  for (let n = 0; n < 10; n += 1) expect(queue.push(n)).toBe(true);
  queue.end(9);
  expect(await queue.next()).toBe(9);
  expect(await queue.next()).toBeUndefined();
});

test("discarding alongside a reader changes nothing", async () => {
  const queue = createEventQueue<number>(2);
  const first = queue.next();
  queue.discard();
  queue.push(1);
  queue.push(2);
  expect([await first, await queue.next()]).toEqual([1, 2]);
});

test("a long run passes through a short queue whole", async () => {
  const queue = createEventQueue<number>(5000);
  const seen: number[] = [];
  for (let n = 0; n < 4000; n += 1) queue.push(n);
  for (let n = 4000; n < 10_000; n += 1) {
    seen.push((await queue.next())!);
    expect(queue.push(n)).toBe(true);
  }
  queue.end();
  for (let n = await queue.next(); n !== undefined; n = await queue.next()) seen.push(n);
  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
});
