import fc from "fast-check";
import { expect, test } from "vitest";
import { FewSet } from "../../src/policy/few-set.ts";

const step = fc.record({ add: fc.boolean(), member: fc.nat(4) });

test("a few-set holds what a set holds, in the same order, whatever is added and deleted", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const [few, set] = [new FewSet<string>(), new Set<string>()];
      for (const { add, member } of steps) {
        const name = `m${member}`;
        if (add) few.add(name);
        else few.delete(name);
        if (add) set.add(name);
        else set.delete(name);
        expect([...few]).toEqual([...set]);
        expect(few.asSet()).toEqual(set);
        expect([few.size, few.only]).toEqual([set.size, set.size === 1 ? [...set][0] : undefined]);
        for (const each of ["m0", "m1", "m9"]) expect(few.has(each)).toBe(set.has(each));
      }
    }),
  );
});

test("a few-set of several is live while it is walked: who is deleted meanwhile is not visited", () => {
  const few = new FewSet<string>();
  for (const each of ["a", "b", "c"]) few.add(each);
  const visited: string[] = [];
  for (const each of few) {
    visited.push(each);
    few.delete("b");
    few.delete("a");
  }
  expect([visited, [...few]]).toEqual([["a", "c"], ["c"]]);
});
