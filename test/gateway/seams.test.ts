/** The table of seams and the release under test agree. No gateway is asked: the package is read. */
import { expect, inject, test } from "vitest";
import { differences } from "../../scripts/releases-page.ts";
import { namesIn, SEAMS } from "../../src/attach/seams.ts";
import { survey } from "../../src/cli/survey.ts";

const { release } = inject("isolated");

test("the release declares every function that the table of seams says it has, and no other one of the table", () => {
  const { seams, verdict } = survey(release.dir, release.version);
  const functions = [...new Set(seams.flatMap(({ found }) => found.map((each) => each.function)))];
  expect(differences({ release: release.version, node: undefined, functions })).toEqual([]);
  expect(verdict).toBe("attach");
  expect(functions.length).toBeGreaterThan(namesIn(SEAMS).length / 2);
});
