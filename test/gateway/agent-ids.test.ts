/** Agent ids as the release itself writes them: its own function, taken from its files, is the judge. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { agentIdOf } from "../../src/policy/cron-keys.ts";

type NormalizeAgentId = (value: string) => string;

/** `normalizeAgentId` of the release; the module that has it contains only such functions. */
async function upstreamFunction(dist: string): Promise<NormalizeAgentId> {
  const files = readdirSync(dist).filter((file) => /^(?:agent-id|session-key)-.*\.m?js$/.test(file));
  for (const file of files) {
    const path = join(dist, file);
    if (!readFileSync(path, "utf8").includes("function normalizeAgentId(")) continue;
    const exports = Object.values((await import(pathToFileURL(path).href)) as Record<string, unknown>);
    const found = exports.find((each) => typeof each === "function" && each.name === "normalizeAgentId");
    if (found) return found as NormalizeAgentId;
  }
  throw new Error(`no normalizeAgentId in ${dist}`);
}

const part = fc.constantFrom(
  "support",
  "SUPPORT",
  "admin",
  "a",
  "-",
  "--",
  "_",
  ":",
  " ",
  "/",
  ".",
  "\t",
  "é",
  "İ",
  "ß",
);
const written = fc.oneof(
  fc.array(part, { maxLength: 12 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 80 }),
  fc.constantFrom("\u212a-", "\u212aelvin", "ſupport", "a".repeat(64), `${"a".repeat(64)}-b`, `-${"a".repeat(70)}`),
);

test("the module writes agent ids as the release does", async () => {
  const normalizeAgentId = await upstreamFunction(join(inject("isolated").release.dir, "dist"));
  expect(normalizeAgentId("support:admin")).toBe("support-admin");
  fc.assert(
    fc.property(written, (value) => {
      expect(agentIdOf(value)).toBe(normalizeAgentId(value));
      expect(agentIdOf(agentIdOf(value))).toBe(agentIdOf(value));
    }),
    { numRuns: 20_000 },
  );
});
