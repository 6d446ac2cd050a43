import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sessionKeysIn } from "../../src/policy/session-keys-in.ts";

const A = "agent:main:web:a";
const B = "agent:ops:cron:nightly:run:1";

describe("session keys are found", () => {
  test.each([
    ["raw under a name that stands for a session", { childSessionKey: "main", ownerKey: "global" }, ["global", "main"]],
    ["in lists of such a name", { sessionKeys: [A, B], watchedSessions: ["x"] }, ["x", B, A]],
    ["in the target of a job", { sessionTarget: `session:${A}` }, [A]],
    ["as names of properties", { rows: { [A]: { n: 1 } } }, [A]],
    ["in letters of any case", { of: A.toUpperCase() }, [A.toUpperCase()]],
    ["in URLs", `/sessions/${encodeURIComponent(A)}/history`, [A, `${A}/history`]],
    ["in JSON within a text", JSON.stringify({ a: { key: A } }), [A]],
    ["in what an object becomes when it is sent", { toJSON: () => ({ key: A }) }, [A]],
  ])("%s", (_, value, keys) => {
    expect(sessionKeysIn(value)?.toSorted()).toEqual(keys.toSorted());
  });

  test("100 objects deep, and in what refers to itself", () => {
    let deep: object = { key: A };
    for (let depth = 0; depth < 100; depth += 1) deep = { deep };
    expect(sessionKeysIn(deep)).toEqual([A]);
    const cyclic: Record<string, unknown> = { key: A };
    cyclic["self"] = cyclic;
    expect(sessionKeysIn(cyclic)).toEqual([A]);
  });

  test("wherever a generated payload holds one", () => {
    const marker = fc.constant({ here: A });
    const payload = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        marker,
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie("tree"), { maxKeys: 4 }),
        fc.jsonValue(),
      ),
    })).tree;
    fc.assert(
      fc.property(payload, (value) => {
        const holds = JSON.stringify(value).includes(A);
        return sessionKeysIn(value)?.includes(A) === holds;
      }),
    );
  });
});

test("words that only look like a key are not found", () => {
  const payload = { text: "the agent: main thing", agentId: "main", sessionTarget: "isolated", key: "agent:", n: 3 };
  expect(sessionKeysIn(payload)).toEqual([]);
});

test.each([
  ["30,000 values", Array.from({ length: 30_000 }, (_, n) => ({ n }))],
  ["a million short texts", Array.from({ length: 1_000_000 }, () => "x")],
  ["300,000 names", Object.fromEntries(Array.from({ length: 300_000 }, (_, n) => [`n${n}`, n]))],
  ["ten million characters", { text: "x".repeat(10_000_000) }],
  ["many texts that are long together", Array.from({ length: 200 }, () => "agent ".repeat(2_000))],
])("%s are too much to be looked through", (_, value) => {
  expect(sessionKeysIn(value)).toBeUndefined();
});

test("a getter that throws is the caller's to handle", () => {
  const broken = {
    get key(): never {
      throw new Error("a plugin's");
    },
  };
  expect(() => sessionKeysIn(broken)).toThrow("a plugin's");
});
