import fc from "fast-check";
import { expect, test } from "vitest";
import { RecentMap } from "../../src/policy/recent-map.ts";

const KEYS = ["a", "b", "c"] as const;

const step = fc.record({
  do: fc.constantFrom("set", "delete", "ask"),
  key: fc.constantFrom(...KEYS),
  value: fc.nat(9),
});

test("a recent map holds what a map holds, in the same order, whatever is set, deleted and asked for between", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const [recent, map] = [new RecentMap<number>(), new Map<string, number>()];
      for (const { do: what, key, value } of steps) {
        if (what === "set") recent.set(key, value);
        if (what === "set") map.set(key, value);
        if (what === "delete") recent.delete(key);
        if (what === "delete") map.delete(key);
        expect(recent.get(key)).toBe(map.get(key));
        expect([...recent.entries()]).toEqual([...map.entries()]);
        expect([[...recent.keys()], [...recent.values()]]).toEqual([[...map.keys()], [...map.values()]]);
        expect(recent.size).toBe(map.size);
      }
    }),
  );
});
