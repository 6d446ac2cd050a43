import { expect, test } from "vitest";
import { fieldsOf, fieldsOrNone, present, text } from "../../src/policy/fields.ts";

test("an object is read as its fields, and a value that is not an object, or is a list, has none", () => {
  const body = { a: 1 };
  expect(fieldsOf(body)).toBe(body);
  for (const value of [undefined, null, "text", 7, true, () => 1, [1]]) {
    expect(fieldsOf(value)).toBeUndefined();
    expect(fieldsOrNone(value)).toEqual({});
  }
});

test("only a string with something in it is a text", () => {
  expect(text("a")).toBe("a");
  for (const value of ["", undefined, null, 0, ["a"], { a: 1 }]) expect(text(value)).toBeUndefined();
});

test("undefined, null and the empty string say nothing; zero and false do", () => {
  for (const value of [undefined, null, ""]) expect(present(value)).toBe(false);
  for (const value of [0, false, "a", [], {}]) expect(present(value)).toBe(true);
});
