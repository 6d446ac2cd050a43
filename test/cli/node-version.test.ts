import { expect, test } from "vitest";
import { isOldNode } from "../../src/cli/node-version.ts";

test.each([
  ["20.20.2", true],
  ["22.14.0", true],
  ["22.15.0", false],
  ["v22.22.3", false],
  ["23.4.0", true],
  ["23.5.0", false],
  ["24.0.0", false],
  ["100.0.0", false],
])("the check that Node %s is too old to load the module answers %s", (version, old) => {
  expect(isOldNode(version)).toBe(old);
});
