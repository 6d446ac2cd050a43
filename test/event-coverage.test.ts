/** The coverage table of events says what the scene does, and nothing else. */
import { expect, test } from "vitest";
import { COVERAGE, ITSELF } from "./support/scene/event-coverage.ts";
import { ACTS } from "./support/scene/every-event.ts";

test("every act that the table names is one of the scene", () => {
  const acts = new Set([ITSELF, ...ACTS.map(({ name }) => name)]);
  expect(COVERAGE.flatMap((row) => ("act" in row ? [row.act] : [])).filter((act) => !acts.has(act))).toEqual([]);
});

test("no event and no act is there twice", () => {
  for (const names of [COVERAGE.map(({ event }) => event), ACTS.map(({ name }) => name)]) {
    expect(names).toEqual([...new Set(names)]);
  }
});
