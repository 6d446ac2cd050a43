import { describe, expect, test } from "vitest";
import { findAll, parse } from "../../patches/lib/pattern.ts";

function texts(source: string, pattern: string): string[] {
  const file = parse(source);
  return findAll(file, pattern).map(({ node }) => node.getText(file));
}

describe("what a bundler changes does not count", () => {
  test.each([
    ["types", "const a: string[] = load<Row>(x as Row);", "const a = load(x);"],
    ["braces of a branch", "if (a) return b;", "if (a) { return b; }"],
    ["braces of a branch, the other way", "if (a) { return b; }", "if (a) return b;"],
    ["undefined", "f(void 0)", "f(undefined)"],
    ["parentheses and quotes", "('a')", '"a"'],
    ["comments", "new Set(/* @__PURE__ */ [])", "new Set([])"],
    ["export", "export const a = 1;", "const a = 1;"],
    ["a number behind a name", "log$3.error(x)", "log.error(x)"],
    ["non-null marks", "f(a!)", "f(a)"],
  ])("a pattern matches although a bundler changes %s", (_, source, pattern) => {
    expect(texts(source, pattern)).toHaveLength(1);
  });

  test.each([
    ["another name", "f(a)", "f(b)"],
    ["another operator", "a && b", "a || b"],
    ["another prefix", "-a", "!a"],
    ["an optional chain", "a.b", "a?.b"],
    ["another literal", '"a"', '"b"'],
    ["more arguments", "f(a, b)", "f(a)"],
    ["an else branch", "if (a) b(); else c();", "if (a) b();"],
  ])("a pattern does not match %s", (_, source, pattern) => {
    expect(texts(source, pattern)).toEqual([]);
  });
});

describe("placeholders", () => {
  test("a $name placeholder matches any one node, and the same one each time", () => {
    expect(texts("f(a, a); f(a, b);", "f($x, $x)")).toEqual(["f(a, a)"]);
    const [match] = findAll(parse("f(g(1))"), "f($x)");
    expect(match?.captures.get("$x")?.getText()).toBe("g(1)");
  });

  test("a $$$ placeholder matches any number of arguments, elements, statements and properties", () => {
    expect(texts("f(); f(1); f(1, 2); g();", "f($$$)")).toHaveLength(3);
    expect(texts("f([1, 2, 3])", "f([1, $$$, 3])")).toHaveLength(1);
    expect(texts("f([1])", "f([1, $$$, 3])")).toEqual([]);
    expect(texts("if (a) { b(); c(); }", "if (a) { $$$ }")).toHaveLength(1);
    expect(texts("f({ ...a, b, c: 1 })", "f({ ...a, $$$ })")).toHaveLength(1);
  });

  test("a property is a pattern too", () => {
    expect(texts("const x = { heartbeat: [], tick: [] };", "{heartbeat: []}:property")).toEqual(["heartbeat: []"]);
    expect(texts("const x = { key };", "{key}:property")).toEqual(["key"]);
  });

  test("several statements are refused as a pattern", () => {
    expect(() => findAll(parse("a"), "a; b;")).toThrow("one statement");
  });
});
