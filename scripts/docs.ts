/**
 * Writes the parts of the docs that are made from the source: the settings from their schema, the
 * command's help, the client's API from its docstrings, the seams from their table, the messages from their catalogues,
 * the counters from their reasons.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { clientApi } from "./docs/client-api.ts";
import { commandHelp } from "./docs/command.ts";
import { countersTable } from "./docs/counters.ts";
import { eventsTable } from "./docs/events.ts";
import { settingsReference, settingsTable } from "./docs/settings.ts";
import { heartbeatsLackTable, messagesTable } from "./docs/troubleshooting.ts";
import { SECTIONS } from "./docs/troubleshooting/row.ts";
import { runScript, script } from "./options.ts";
import { releasesPage } from "./releases-page.ts";

const command = script("docs", "Writes the made parts of docs/ from the source.", [
  "they are up to date, or were written",
  "with --check: they are not up to date",
]).option("--check", "write nothing");

/** A file, the name of the part in it, and what makes it. */
const PARTS: readonly (readonly [file: string, part: string, make: () => string])[] = [
  ["docs/settings.md", "overview", settingsTable],
  ["docs/settings.md", "settings", settingsReference],
  ["docs/command.md", "command", commandHelp],
  ["docs/client.md", "api", clientApi],
  ["docs/events.md", "events", eventsTable],
  ["docs/plugin.md", "counters", countersTable],
  ["docs/releases.md", "releases", releasesPage],
  ...(Object.keys(SECTIONS) as (keyof typeof SECTIONS)[]).map(
    (section) => ["docs/troubleshooting.md", section, () => messagesTable(section)] as const,
  ),
  ["docs/troubleshooting.md", "heartbeats", heartbeatsLackTable],
];

/** Those parts that are not up to date: file, and what it should be. */
export function outdatedDocs(): { readonly file: string; readonly wanted: string }[] {
  return [...Map.groupBy(PARTS, ([file]) => file)].flatMap(([file, parts]) => {
    const current = readFileSync(pathOf(file), "utf8");
    const wanted = parts.reduce((text, [, part, make]) => withPart(text, file, part, make()), current);
    return wanted === current ? [] : [{ file, wanted }];
  });
}

function withPart(current: string, file: string, part: string, content: string): string {
  const [start, end] = [`<!-- ${part}: made by npm run docs -->`, `<!-- ${part}: end -->`];
  const [before, rest] = current.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${file} has no "${start}" … "${end}"`);
  return `${before}${start}\n\n${content.trimEnd()}\n\n${end}${after}`;
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(`../${file}`, import.meta.url));
}

function main({ check }: { check?: true }): number {
  const outdated = outdatedDocs();
  for (const { file, wanted } of outdated) {
    if (check) process.stderr.write(`${file} is not up to date: npm run docs\n`);
    else {
      writeFileSync(pathOf(file), wanted);
      process.stderr.write(`wrote ${file}\n`);
    }
  }
  if (outdated.length === 0) process.stderr.write("docs/ is up to date\n");
  return check && outdated.length > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runScript(command, main);
