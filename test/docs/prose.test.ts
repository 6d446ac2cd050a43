/** The prose linter finds the patterns that it is for, and leaves plain English and code alone. */
import { expect, test } from "vitest";
import { findingsIn } from "../../scripts/prose.ts";

const STIFF = [
  "It is no tenant boundary.",
  "Of these, there are some; the rest are none.",
  "The plugin has to be installed.",
  "It looks whether the port is free.",
  "The log tells which session it was.",
  "Write it in place of the key.",
  "It stands beside the unit.",
  "It never runs half protected.",
  "A heartbeat is put off.",
  "The frame is set aside.",
  "A release as published leaks.",
  "Who needs none sets it to 0.",
  "What fails is counted and goes nowhere.",
  "It does nothing but wait.",
  "Who needs none sets `a` to 0.",
];

test.each(STIFF)("the linter finds the pattern in: %s", (sentence) => {
  expect(findingsIn("page.md", `# Title\n\n${sentence}\n`)).not.toEqual([]);
});

const PLAIN = [
  "It is not a tenant boundary.",
  "The plugin must be installed.",
  "There is no session.",
  "It is no longer there, and no one misses it.",
  "What does it cost?",
  "Who receives what?",
  "The log says which session it was.",
  "Run `npm in place of` that.",
];

test.each(PLAIN)("the linter leaves plain English alone: %s", (sentence) => {
  expect(findingsIn("page.md", `${sentence}\n`)).toEqual([]);
});

test("the linter reads comments and strings of TypeScript, and no names", () => {
  const source = [
    "/** It has to be so. */",
    'const besides = "it has to be so";',
    "// in place of it",
    "const beside = 1;",
    "const text = beside ? `it is no key` : `other`;",
  ].join("\n");
  expect(findingsIn("code.ts", source).map(({ line }) => line)).toEqual([1, 2, 3, 5]);
});
