import { describe, expect, test } from "vitest";
import { Counters } from "../../src/policy/counters.ts";

describe("counters", () => {
  test("the counters count by event and reason", () => {
    const counters = new Counters();
    expect(counters.count("chat", "delivered")).toBe(1);
    expect(counters.count("chat", "delivered")).toBe(2);
    expect(counters.count("chat", "no-claim")).toBe(1);
    expect(counters.count("agent", "held-overflow", 3)).toBe(3);
    expect(counters.snapshot()).toEqual({ chat: { delivered: 2, "no-claim": 1 }, agent: { "held-overflow": 3 } });
  });

  test("the counters hand out a copy that later counts do not change", () => {
    const counters = new Counters();
    counters.count("chat", "delivered");
    const before = counters.snapshot();
    before["chat"]!.delivered = 100;
    counters.count("chat", "delivered");
    expect(before).toEqual({ chat: { delivered: 100 } });
    expect(counters.snapshot()).toEqual({ chat: { delivered: 2 } });
  });

  test("the counters survive an event named like a prototype", () => {
    const counters = new Counters();
    for (const name of ["__proto__", "constructor", "toString"]) counters.count(name, "open");
    const snapshot = counters.snapshot();
    expect(Object.keys(snapshot)).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getPrototypeOf(snapshot)).toBe(Object.prototype);
  });

  test("the counters keep a bounded number of names and count the others together", () => {
    const counters = new Counters();
    for (let index = 0; index < 10_000; index += 1) counters.count(`plugin.${index}`, "open");
    counters.count("plugin.0", "open");
    const snapshot = counters.snapshot();
    expect(Object.keys(snapshot).length).toBeLessThanOrEqual(257);
    expect(snapshot["plugin.0"]).toEqual({ open: 2 });
    expect(snapshot["plugin.9999"]).toBeUndefined();
    const total = Object.values(snapshot).reduce((sum, counts) => sum + (counts.open ?? 0), 0);
    expect(total).toBe(10_001);
    expect(snapshot["(other)"]!.open).toBe(10_001 - 257);
  });
});
