import fc from "fast-check";
import { expect, test } from "vitest";
import { BoundedMap } from "../../src/policy/bounded-map.ts";

test("the oldest entry makes room for one more", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1).set("b", 2).set("c", 3);
  expect([...map]).toEqual([
    ["b", 2],
    ["c", 3],
  ]);
});

test("a key that is there keeps its age when it is set, and loses it when it is renewed", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1).set("b", 2).set("a", 3).set("c", 4);
  expect([...map.keys()]).toEqual(["b", "c"]);
  map.renew("b", 5).set("d", 6);
  expect([...map]).toEqual([
    ["b", 5],
    ["d", 6],
  ]);
});

test("whatever is set, the map holds no more than its limit and always the last key", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(9), { minLength: 1 }), (limit, keys) => {
      const map = new BoundedMap<number, number>(limit);
      for (const key of keys) map.set(key, key);
      return map.size <= limit && map.has(keys.at(-1)!);
    }),
  );
});
