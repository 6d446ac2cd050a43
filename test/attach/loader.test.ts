import { describe, expect, test } from "vitest";
import { asPath, ATTACH_SYMBOL, attacher } from "../../src/attach/loader.ts";

const ATTACH = `globalThis[Symbol.for("${ATTACH_SYMBOL}")]`;
const attaching = (name: string): string => `typeof ${name}==="function"&&(${name}=${ATTACH}("${name}",${name}));`;
const lines = (source: string): number => source.split("\n").length;

describe("attaching to a module's source", () => {
  test.each([
    ["a function", "function seam(params) {}"],
    ["an async function", "async function seam(params) {}"],
    ["an exported function", "export function seam(params) {}"],
    ["an exported async function", "export async function seam(params) {}"],
    ["a function on a later line", "import a from './a.js';\nconst x = 1;\nfunction seam() {}\nexport { seam as t };"],
    ["a function in a file of Windows", "const x = 1;\r\nfunction seam() {}\r\n"],
  ])("the loader puts one statement in front of %s and changes nothing else", (_, source) => {
    expect(attacher(["seam"])(source)).toEqual({ source: attaching("seam") + source, found: ["seam"] });
  });

  test.each([
    ["a comment", "// function seam() is elsewhere\nconst x = 1;"],
    ["a comment of several lines", "/**\n * function seam(\n */\nconst x = 1;"],
    ["a string", 'const x = "function seam(";'],
    ["a call", "seam();\nawait seam();"],
    ["an import", 'import { seam } from "./chunk.mjs";\nseam();'],
    ["an inner function", "function outer() {\n  function seam() {}\n\tasync function seam() {}\n}"],
    ["a function expression", "const seam = function seam() {};"],
    ["an arrow function", "const seam = () => {};"],
    ["a method", "class A {\n  seam() {}\n}"],
    ["a longer name", "function seamless() {}"],
    ["a name with something before it", "function theseam() {}"],
    ["a generator", "function* seam() {}"],
    ["the end of a line", "x; function seam() {}"],
    ["nothing at all", ""],
  ])("the loader leaves a module alone that has the name only in %s", (_, source) => {
    expect(attacher(["seam"])(source)).toBeUndefined();
    expect(attacher(["seam"])(Buffer.from(source))).toBeUndefined();
  });

  test("the loader takes every declared name once, in the order of the source", () => {
    const source = "function two() {}\nasync function one() {}\nexport function two() {}\n// three";
    const attached = attacher(["one", "two", "three", "four"])(source);
    expect(attached).toEqual({ source: attaching("two") + attaching("one") + source, found: ["two", "one"] });
  });

  test("the loader keeps every line where it was", () => {
    const source = "\nconst x = 1;\nfunction one() {}\nfunction two() {}\n";
    const attached = attacher(["one", "two"])(source)!.source;
    expect(lines(attached)).toBe(lines(source));
    expect(attached.split("\n").slice(1)).toEqual(source.split("\n").slice(1));
  });

  test("the loader keeps a hashbang first, and the lines below it in place", () => {
    const source = "#!/usr/bin/env node\nfunction seam() {}\nthrow new Error('line 3');\n";
    const attached = attacher(["seam"])(source)!.source;
    expect(attached).toBe(`#!/usr/bin/env node\n${attaching("seam")}function seam() {}\nthrow new Error('line 3');\n`);
  });

  test("the loader takes only the first line for a hashbang", () => {
    expect(attacher(["seam"])("\n#!x\nfunction seam() {}")!.source.startsWith(attaching("seam"))).toBe(true);
  });

  test("the loader reads bytes as UTF-8, whatever they are a view of", () => {
    const source = 'const greeting = "zażółć 你好 🙂";\nfunction seam() { return greeting; }\n';
    const padded = Buffer.from(`xx${source}yy`);
    const view = new Uint8Array(padded.buffer, padded.byteOffset + 2, padded.length - 4);
    expect(attacher(["seam"])(view)).toEqual({ source: attaching("seam") + source, found: ["seam"] });
    expect(attacher(["seam"])(new TextEncoder().encode(source))!.source).toBe(attaching("seam") + source);
  });
});

test("a path is read the same as a file URL and as itself", () => {
  expect(asPath("file:///opt/a%20b/register.js")).toBe("/opt/a b/register.js");
  expect(asPath("/opt/a b/register.js")).toBe("/opt/a b/register.js");
});

test("a module with a seam's name at the start of a line of a template still loads", async () => {
  const source = "const help = `\nfunction seam(\n`;\nexport default help;\n";
  const attached = attacher(["seam"])(source)?.source ?? source;
  await expect(import(`data:text/javascript,${encodeURIComponent(attached)}`)).resolves.toBeDefined();
});
