/** The judge's eyes: what it finds, however it is written. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { EXCUSES, isExcused } from "../../src/report/excuses.ts";
import { type Secret, secretFinder } from "../../src/report/secrets.ts";

const KEY = "agent:main:web:Vault-7";
const WORD = "CANARY42";
const SECRETS: readonly Secret<"key" | "word">[] = [
  { session: 0, kind: "key", text: KEY },
  { session: 0, kind: "word", text: WORD },
];
const finder = secretFinder(SECRETS);

const paths = (value: unknown): string[] => finder.inValue(value).map(({ kind, path }) => `${kind} at ${path}`);

test.each<[string, unknown, string]>([
  ["in a longer text", { note: `so ${WORD}!` }, "word at note"],
  ["in other letters", { note: WORD.toLowerCase() }, "word at note"],
  ["as the name of a property", { byKey: { [KEY]: 1 } }, `key at byKey.(${KEY})`],
  ["in a list in a list", [[{ rows: [KEY] }]], "key at [][].rows[]"],
  ["in a URL", { url: `http://127.0.0.1/chat?session=${encodeURIComponent(KEY)}` }, "key at url"],
  ["in a URL in a URL", { url: encodeURIComponent(encodeURIComponent(KEY)) }, "key at url"],
  ["next to malformed percents", { url: `%zz%ff${encodeURIComponent(KEY)}%` }, "key at url"],
  ["in JSON in a text", { text: JSON.stringify({ deep: JSON.stringify({ KEY }) }) }, "key at text"],
  ["with its letters escaped", { text: KEY.replaceAll(":", String.raw`\u003a`) }, "key at text"],
  ["alone", WORD, "word at "],
])("a secret is found %s", (_, value, found) => {
  expect(paths(value)).toEqual([found]);
  expect(finder.inText(JSON.stringify(value)).size).toBe(1);
});

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["numbers and null", { a: 1, b: null, c: [true] }],
  ["a part of a key", { key: "agent:main:web" }],
  ["a word with something in it", { text: "CANARY 42" }],
])("no secret is found in %s", (_, value) => {
  expect(finder.inValue(value)).toEqual([]);
});

test("a word in a key does not count where the key is", () => {
  const both = secretFinder([
    { session: 0, kind: "key", text: "agent:main:x-t1" },
    { session: 0, kind: "word", text: "T1" },
  ]);
  expect([...both.inText("agent:main:x-t1")].map(({ kind }) => kind)).toEqual(["key"]);
  expect([...both.inText("agent:main:x-t1 and t1")].map(({ kind }) => kind)).toEqual(["key", "word"]);
});

test("a key that begins like another is taken for itself only", () => {
  const two = secretFinder(
    ["agent:main:a", "agent:main:a:thread:1"].map((text, session) => ({ session, kind: "key", text })),
  );
  expect([...two.inText('"agent:main:a:thread:1"')].map(({ session }) => session)).toEqual([1]);
});

test("each of many secrets is found, and the longest that fits", () => {
  const words = fc.uniqueArray(fc.stringMatching(/^[ab.*]{1,6}$/), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(words, fc.nat(), (texts, number) => {
      const many = secretFinder(texts.map((text, session) => ({ session, kind: "word", text })));
      const at = number % texts.length;
      expect([...many.inText(`-${texts[at]}-`)].map(({ session }) => session)).toEqual([at]);
    }),
  );
});

test("a text that two sessions have is found for both, and an empty one never", () => {
  const two = secretFinder([0, 1].flatMap((session) => ["same", ""].map((text) => ({ session, kind: "word", text }))));
  expect([...two.inText("the same")].map(({ session }) => session)).toEqual([0, 1]);
  expect(two.inText("else").size).toBe(0);
});

test("the depth of a value does not limit the search", () => {
  const deep = JSON.parse(`${"[".repeat(5_000)}"${WORD}"${"]".repeat(5_000)}`) as unknown;
  expect(finder.inValue(deep)).toHaveLength(1);
});

test("a secret anywhere in any JSON is found, and a path leads to it", () => {
  const place = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom(`x${WORD}x`, `${KEY} `),
      fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.string(), tie("tree"), { minKeys: 1, maxKeys: 3 }),
    ),
  })).tree;
  fc.assert(
    fc.property(place, fc.json(), (tree, noise) => {
      const value: unknown = { noise: JSON.parse(noise), tree };
      expect(finder.inValue(value).length).toBeGreaterThan(0);
      expect(finder.inText(JSON.stringify(value)).size).toBeGreaterThan(0);
    }),
  );
});

test("nothing is found in JSON that holds no secret", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (json) => {
      expect(finder.inValue(JSON.parse(json))).toEqual([]);
      expect(finder.inText(json).size).toBe(0);
    }),
  );
});

test("an excuse holds for one place of one event, and for keys only", () => {
  const recent = "payload.sessions.recent[].key";
  expect(isExcused("health", { kind: "session key", path: recent })).toBe(true);
  expect(isExcused("health", { kind: "text", path: recent })).toBe(false);
  expect(isExcused("health", { kind: "session key", path: `${recent}.more` })).toBe(false);
  expect(isExcused("cron", { kind: "session key", path: recent })).toBe(false);
  for (const { reason } of EXCUSES) expect(reason).not.toBe("");
});
