import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { couldMatchCanonicalKey, fillPattern, MAX_PATTERN_LENGTH, matchesKey } from "../../src/policy/key-pattern.ts";
import { MAX_SESSION_KEY_LENGTH } from "../../src/policy/session-key.ts";

function matches(pattern: string, key: string, values: Record<string, string> = {}): boolean {
  const matcher = fillPattern(pattern, (name) => values[name]);
  return matcher !== undefined && matchesKey(matcher, key);
}

describe("matching a whole key, with stars for any characters", () => {
  test.each([
    ["agent:main:main", "agent:main:main"],
    ["agent:Main:MAIN", "agent:main:main"],
    ["agent:main:*", "agent:main:telegram:dm:42"],
    ["agent:main:*", "agent:main:"],
    ["*", "global"],
    ["***", "agent:main:main"],
    ["agent:*:main", "agent:research:main"],
    ["*:dm:*", "agent:main:telegram:dm:42"],
    ["agent:*a*b*c", "agent:main:xaxxbxbc"],
    ["agent:main:*-x-*", "agent:main:a-x-b"],
    ["agent:main:a.b", "agent:main:a.b"],
  ])("pattern %s matches %s", (pattern, key) => expect(matches(pattern, key)).toBe(true));

  test.each([
    ["agent:main:main", "agent:main:main2"],
    ["agent:main:main", "xagent:main:main"],
    ["agent:main:*", "agent:mainly:x"],
    ["agent:main:ab*ba", "agent:main:aba"],
    ["agent:main:*a*b*c", "agent:main:xbxaxc"],
    ["agent:main:*-x-*", "agent:main:a-x"],
    ["agent:main:a.b", "agent:main:axb"],
    ["agent:main:[ab]", "agent:main:a"],
    ["agent:main:?", "agent:main:a"],
  ])("pattern %s does not match %s", (pattern, key) => expect(matches(pattern, key)).toBe(false));
});

test("a pattern matches exactly what the same regular expression matches", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", ":", "*"), maxLength: 12 });
  fc.assert(
    fc.property(text, text, (pattern, key) => {
      const regular = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
      return matches(pattern, key) === regular.test(key);
    }),
    { numRuns: 20_000 },
  );
});

describe("placeholders", () => {
  test("placeholders stand for the connection's values as plain text", () => {
    expect(matches("agent:main:{user}:*", "agent:main:ada:x", { user: "Ada" })).toBe(true);
    expect(matches("agent:main:{user}:*", "agent:main:adam:x", { user: "ada" })).toBe(false);
    expect(matches("agent:main:{user}:*", "agent:main:bob:x", { user: "*" })).toBe(false);
    expect(matches("agent:main:{user}:*", "agent:main:*:x", { user: "*" })).toBe(true);
    expect(matches("agent:main:{user}:*", "agent:main:d1:x", { user: "{deviceId}", deviceId: "d1" })).toBe(false);
    expect(matches("agent:main:{mode}-{deviceId}", "agent:main:ui-d1", { mode: "ui", deviceId: "d1" })).toBe(true);
    expect(matches("agent:main:{user}", "agent:main:a$&b", { user: "a$&b" })).toBe(true);
  });

  test.each([[undefined], [""], ["a:b"], ["a b"], ["a\nb"], ["a\u0000b"]])(
    "a placeholder without a usable value (%j) matches nothing",
    (user) => {
      expect(fillPattern("agent:main:{user}*", () => user)).toBeUndefined();
      expect(fillPattern("*{user}*", () => user)).toBeUndefined();
    },
  );
});

test.each([
  ["agent:main:main", true],
  ["AGENT:*", true],
  ["*", true],
  ["ag*", true],
  ["global", true],
  ["glob*", true],
  ["unknown", true],
  ["{user}", true],
  ["agent:{user}:main", true],
  ["main", false],
  ["main*", false],
  ["agent:main", false],
  ["globally", false],
  ["telegram:*", false],
])("the check whether %s could match a canonical key answers %s", (pattern, could) =>
  expect(couldMatchCanonicalKey(pattern)).toBe(could),
);

describe("patterns that would be slow to match", () => {
  const key = `agent:main:${"a".repeat(MAX_SESSION_KEY_LENGTH - 11)}`;
  const half = MAX_PATTERN_LENGTH / 2;
  test.each([
    ["stars", "*".repeat(MAX_PATTERN_LENGTH)],
    ["stars and an end that is not there", `${"*".repeat(MAX_PATTERN_LENGTH - 1)}b`],
    ["a star behind every letter", `${"a*".repeat(half - 1)}b*`],
    ["a star behind every pair", `*${"aa*".repeat(Math.floor(MAX_PATTERN_LENGTH / 3) - 1)}b`],
    ["long texts that nearly match", `*${"a".repeat(half - 2)}b*${"a".repeat(half - 2)}c`],
  ])("a pattern of %s is matched without a delay", (_, pattern) => {
    expect(pattern.length).toBeLessThanOrEqual(MAX_PATTERN_LENGTH);
    const matcher = fillPattern(pattern, () => undefined)!;
    const started = performance.now();
    for (let times = 0; times < 100; times += 1) matchesKey(matcher, key);
    // A hundred take about a millisecond; backtracking would not end.
    expect(performance.now() - started).toBeLessThan(500);
  });
});
