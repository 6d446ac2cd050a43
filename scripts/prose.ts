/** Finds stiff English in the docs, and in the comments, messages and test names of the source. */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runScript, script } from "./options.ts";
import { RULES } from "./prose/rules.ts";
import { proseOf } from "./prose/text.ts";

const command = script("prose", "Finds stiff English in the docs, comments, messages and test names.", [
  "nothing was found",
  "something was found",
]).argument("[globs...]", "files to check instead of all");

/** All files with prose: globs, from the root of the repository. */
const ALL = ["**/*.md", "**/*.ts"];
/** Code of others, generated files, the rules and their test, and a patch with upstream's word `preempt`. */
const EXCEPT = [
  "**/node_modules/**",
  "**/dist/**",
  "artifacts/**",
  ".cache/**",
  "scripts/prose/rules.ts",
  "test/docs/prose.test.ts",
  "patches/06-heartbeat-preemption/{patch.ts,upstream/*}",
];

export interface Finding {
  readonly line: number;
  readonly found: string;
  readonly instead: string;
}

/**
 * What the rules find in a file, by line.
 *
 * @param file its name, which says what of it is prose
 */
export function findingsIn(file: string, source: string): Finding[] {
  const prose = proseOf(file, source);
  return RULES.flatMap(({ pattern, instead }) =>
    [...prose.matchAll(pattern)].map(({ 0: match, index }) => ({
      line: source.slice(0, index).split("\n").length,
      found: match.replaceAll(/\s+/g, " ").slice(0, 60),
      instead,
    })),
  ).toSorted((a, b) => a.line - b.line);
}

function main(globs: readonly string[]): number {
  const files = globSync(globs.length > 0 ? globs : ALL, { exclude: EXCEPT }).toSorted();
  const lines = files.flatMap((file) =>
    findingsIn(file, readFileSync(file, "utf8")).map(
      ({ line, found, instead }) => `${file}:${line}: "${found}": ${instead}\n`,
    ),
  );
  process.stderr.write(`${lines.join("")}prose: ${lines.length} findings in ${files.length} files\n`);
  return lines.length > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(command, (_options, args) => main(args));
}
