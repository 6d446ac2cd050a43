import { describe, expect, test } from "vitest";
import type { Verdict } from "../../src/policy/delivery.ts";
import { HeldFrames } from "../../src/policy/held-frames.ts";

function holding(limit: number, ...frames: readonly number[]): HeldFrames<string, number> {
  const held = new HeldFrames<string, number>(limit);
  for (const frame of frames) held.hold("c", frame);
  return held;
}

const all = (verdict: Verdict) => (): Verdict => verdict;

describe("holding frames for a connection", () => {
  test("held frames are delivered once, in the order in which they came", () => {
    const held = holding(8, 1, 2, 3);
    expect(held.review("c", all("deliver"))).toEqual({ deliver: [1, 2, 3], dropped: 0 });
    expect(held.review("c", all("deliver"))).toEqual({ deliver: [], dropped: 0 });
    expect(held.size).toBe(0);
  });

  test("held frames are dropped and counted where the judge says so", () => {
    const held = holding(8, 1, 2, 3);
    expect(held.review("c", all("drop"))).toEqual({ deliver: [], dropped: 3 });
    expect(held.size).toBe(0);
  });

  test("held frames stay in their order while the judge says hold", () => {
    const held = holding(8, 1, 2, 3, 4);
    expect(held.review("c", all("hold"))).toEqual({ deliver: [], dropped: 0 });
    held.hold("c", 5);
    expect(held.review("c", (frame) => (frame % 2 === 0 ? "deliver" : "hold"))).toEqual({
      deliver: [2, 4],
      dropped: 0,
    });
    expect(held.size).toBe(3);
    expect(held.review("c", all("deliver")).deliver).toEqual([1, 3, 5]);
  });

  test("held frames are judged one by one: delivered, kept and dropped together", () => {
    const held = holding(8, 1, 2, 3);
    const verdicts: Record<number, Verdict> = { 1: "drop", 2: "deliver", 3: "hold" };
    expect(held.review("c", (frame) => verdicts[frame]!)).toEqual({ deliver: [2], dropped: 1 });
    expect(held.size).toBe(1);
  });

  test("held frames belong to their connection only", () => {
    const held = holding(8, 1);
    held.hold("other", 2);
    expect(held.review("other", all("deliver")).deliver).toEqual([2]);
    held.hold("other", 3);
    held.forget("c");
    expect(held.review("c", all("deliver")).deliver).toEqual([]);
    expect(held.review("other", all("deliver")).deliver).toEqual([3]);
  });
});

describe("the limit on held frames", () => {
  test("the limit drops the oldest held frame for the newest and says so", () => {
    const held = holding(2);
    expect([1, 2, 3, 4].map((frame) => held.hold("c", frame))).toEqual([0, 0, 1, 1]);
    expect(held.size).toBe(2);
    expect(held.review("c", all("deliver")).deliver).toEqual([3, 4]);
  });

  test("the limit counts each connection by itself", () => {
    const held = holding(2, 1, 2);
    expect(held.hold("other", 3)).toBe(0);
    expect(held.size).toBe(3);
  });

  test("the limit starts anew after a review", () => {
    const held = holding(2, 1, 2);
    held.review("c", all("deliver"));
    expect([3, 4].map((frame) => held.hold("c", frame))).toEqual([0, 0]);
  });
});

test("no frame is held for an unknown connection", () => {
  const held = holding(2);
  held.forget("c");
  expect(held.review("c", all("deliver"))).toEqual({ deliver: [], dropped: 0 });
  expect(held.size).toBe(0);
});
