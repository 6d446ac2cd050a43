/** The outcomes of the module's promises, from the measurements of a release. */
import { expect, test } from "vitest";
import {
  cellOf,
  lostChecks,
  type Outcome,
  PROMISES,
  type ReleaseMeasured,
  worseChecks,
} from "../../src/report/promises.ts";
import { STAGES } from "../support/scene/promise-scenes.ts";

const PROMISE = { name: "two", meaning: "", checks: ["one", "other"] };

function measured(published: Record<string, Outcome>, module: Record<string, Outcome>): ReleaseMeasured {
  return { published: { at: "2026-11-28", checks: published }, module: { at: "2026-11-28", checks: module } };
}

test("a promise that holds on both gateways is right", () => {
  const both = measured({ one: true, other: true }, { one: true, other: true });
  expect(cellOf(PROMISE, both).verdict).toBe("right");
});

test("a promise is fixed if a check is wrong without the module and none is wrong with it", () => {
  const cell = cellOf(PROMISE, measured({ one: "lost", other: true }, { one: true, other: true }));
  expect(cell).toEqual({ verdict: "fixed", wrong: [], fixed: 1 });
});

test("a promise is not improved while one of its checks is wrong on both", () => {
  const cell = cellOf(PROMISE, measured({ one: "lost", other: "lost" }, { one: "late", other: true }));
  expect(cell).toEqual({ verdict: "not improved", wrong: ["one"], fixed: 1 });
});

test("a promise is worse as soon as one check is, whatever the others are", () => {
  const both = measured({ one: true, other: "lost" }, { one: "lost", other: true });
  expect(cellOf(PROMISE, both)).toEqual({ verdict: "worse", wrong: ["one"], fixed: 1 });
  expect(worseChecks(both)).toEqual(["one"]);
});

test("a promise of which one check was not measured is not measured", () => {
  expect(cellOf(PROMISE, measured({ one: true }, { one: true })).verdict).toBe("not measured");
  expect(cellOf(PROMISE, {}).verdict).toBe("not measured");
  expect(worseChecks({})).toEqual([]);
});

test("the scenes note exactly the checks that the promises name", () => {
  const noted = STAGES.flatMap(({ checks }) => checks);
  expect(noted.toSorted()).toEqual(PROMISES.flatMap(({ checks }) => checks).toSorted());
});

test("a check is lost if it was right with the module and no longer is", () => {
  const { module: before } = measured({}, { kept: true, lost: true, wrong: "late" });
  const { module: now } = measured({}, { kept: true, lost: "late", wrong: "late", added: "late" });
  expect(lostChecks(before, now)).toEqual(["lost"]);
  expect(lostChecks(undefined, now)).toEqual([]);
});
