import { expect, test } from "vitest";
import { markdownTable, textTable } from "../../src/report/columns.ts";

const ROWS = [
  ["what", "n"],
  ["a long name", 7],
  ["b", 1234],
] as const;

test("a table for the terminal has columns of one width and no blanks at the ends of its lines", () => {
  expect(textTable(ROWS)).toBe("  what         n\n  a long name  7\n  b            1234");
});

test("a table of figures has them on the right, and a line below its head", () => {
  expect(textTable(ROWS, { align: "right", rule: true }).split("\n")).toEqual([
    "  what            n",
    "  -----------  ----",
    "  a long name     7",
    "  b            1234",
  ]);
});

test("rows of a table for the terminal may have fewer cells than others", () => {
  expect(textTable([["a"], ["bcd", "e"]])).toBe("  a\n  bcd  e");
});

test("a table for a page escapes the bars in its cells", () => {
  expect(
    markdownTable([
      ["a", "b"],
      ["x|y", ""],
    ]).split("\n"),
  ).toEqual(["| a    | b |", "| ---- | - |", "| x\\|y |   |"]);
});
