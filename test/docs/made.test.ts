/** The docs of settings, command and client are generated from the source. */
import { expect, test } from "vitest";
import { outdatedDocs } from "../../scripts/docs.ts";
import type { Schema } from "../../src/policy/schema.ts";
import { parseSettings, settingsSchema } from "../../src/policy/settings.ts";

test("the generated parts of README.md and docs/ are up to date (npm run docs)", () => {
  expect(outdatedDocs().map(({ file }) => file)).toEqual([]);
});

test("every setting has a description, a sentence, and an accepted example that is not the default", () => {
  const visit = (schema: Schema, path: readonly string[]): void => {
    expect(schema.description ?? "").toMatch(path.length === 0 ? /^$/ : /^[A-Z].*\.$/s);
    if (schema.type === "object") {
      for (const [name, each] of Object.entries(schema.properties)) visit(each, [...path, name]);
      return;
    }
    const [example] = schema.examples ?? [];
    const settings = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), example);
    expect(parseSettings(settings)).not.toEqual(parseSettings({}));
  };
  visit(settingsSchema, []);
});
