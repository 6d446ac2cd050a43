import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  canonicalSessionKey,
  MAX_SESSION_KEY_LENGTH,
  parseAgentSessionKey,
  usableSessionKey,
} from "../../src/policy/session-key.ts";

describe("usableSessionKey", () => {
  test.each([
    ["a qualified key", "agent:main:main", "agent:main:main"],
    ["a raw key", "main", "main"],
    ["a key with blanks around it, trimmed", "  main\n", "main"],
    ["a key with blanks inside", "agent:main:my chat", "agent:main:my chat"],
    ["a key outside of ASCII", "agent:main:tëst-🙂", "agent:main:tëst-🙂"],
    ["the name of a prototype", "__proto__", "__proto__"],
    ["the longest key", "k".repeat(MAX_SESSION_KEY_LENGTH), "k".repeat(MAX_SESSION_KEY_LENGTH)],
  ])("usableSessionKey accepts %s", (_, value, key) => {
    expect(usableSessionKey(value)).toBe(key);
  });

  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a number", 42],
    ["zero", 0],
    ["a truth value", true],
    ["a big integer", 1n],
    ["a list of one key", ["agent:main:main"]],
    ["an object that turns into a key", { toString: () => "agent:main:main" }],
    ["a String object", new String("agent:main:main")],
    ["the empty string", ""],
    ["blanks only", " \t\n "],
    ["a key one longer than the longest", "k".repeat(MAX_SESSION_KEY_LENGTH + 1)],
    ["a megabyte", "k".repeat(2 ** 20)],
    ["a megabyte of blanks", " ".repeat(2 ** 20)],
    ["a NUL", "agent:main:a\u0000"],
    ["a line break inside", "agent:main:a\nagent:main:b"],
    ["an escape", "agent:main:\u001b[2J"],
    ["DEL", "a\u007fb"],
    ["a C1 control", "a\u0085b"],
    ["a line separator", "a\u2028b"],
    ["a paragraph separator", "a\u2029b"],
  ])("usableSessionKey refuses %s", (_, value) => {
    expect(usableSessionKey(value)).toBeUndefined();
  });
});

describe("parseAgentSessionKey", () => {
  test.each([
    ["agent:main:main", { agentId: "main", rest: "main" }],
    ["agent:Research:Telegram:DM:42", { agentId: "research", rest: "Telegram:DM:42" }],
    ["AGENT:main:x", { agentId: "main", rest: "x" }],
    [" agent:main:x ", { agentId: "main", rest: "x" }],
    ["agent:a:cron:job:run:7", { agentId: "a", rest: "cron:job:run:7" }],
  ])("parseAgentSessionKey splits %j", (key, parsed) => {
    expect(parseAgentSessionKey(key)).toEqual(parsed);
  });

  test.each([
    "main",
    "global",
    "agent",
    "agent:",
    "agent:main",
    "agent:main:",
    "agent::x",
    "agents:main:x",
    "x:agent:main:y",
    "",
  ])("parseAgentSessionKey does not split %j", (key) => {
    expect(parseAgentSessionKey(key)).toBeUndefined();
  });
});

describe("canonicalSessionKey", () => {
  test.each([
    ["main", {}, "agent:main:main"],
    ["MAIN", {}, "agent:main:main"],
    ["agent:Main:MAIN", {}, "agent:main:main"],
    ["a", {}, "agent:main:a"],
    ["a", { defaultAgentId: "Research" }, "agent:research:a"],
    ["agent:work:a", { defaultAgentId: "research" }, "agent:work:a"],
    ["primary", { mainKey: "Primary" }, "agent:main:main"],
    ["agent:work:primary", { mainKey: "primary" }, "agent:work:main"],
    ["primary", {}, "agent:main:primary"],
    ["agent:main:main:x", {}, "agent:main:main:x"],
    ["agent:main:telegram:dm:42", { scope: "global" }, "agent:main:telegram:dm:42"],
    ["main", { scope: "global" }, "global"],
    ["agent:work:main", { scope: "global" }, "global"],
    ["main", { scope: "per-sender" }, "agent:main:main"],
    ["Global", {}, "global"],
    ["unknown", {}, "unknown"],
  ] as const)("canonicalSessionKey makes %j with %j canonical as %s", (key, defaults, canonical) => {
    expect(canonicalSessionKey(key, defaults)).toBe(canonical);
  });

  test("canonicalSessionKey keeps the sessions of two agents and of two names apart", () => {
    const keys = ["agent:a:x", "agent:b:x", "agent:a:y", "agent:b:y", "x"].map((key) => canonicalSessionKey(key));
    expect(new Set(keys).size).toBe(5);
  });

  test("canonicalSessionKey is idempotent", () => {
    const key = fc
      .oneof(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
        fc
          .tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 20 }))
          .map(([agent, rest]) => `agent:${agent}:${rest}`),
        fc.constantFrom("main", "global", "unknown", "agent:x:main", "agent:agent:main"),
      )
      .filter((value) => usableSessionKey(value) !== undefined);
    const defaults = fc.record(
      {
        defaultAgentId: fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/),
        mainKey: fc.stringMatching(/^[A-Za-z]{1,6}$/),
        scope: fc.constantFrom("per-sender" as const, "global" as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(key, defaults, (raw, given) => {
        const once = canonicalSessionKey(raw, given);
        expect(canonicalSessionKey(once, given)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });
});
