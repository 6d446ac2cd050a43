/** The page docs/releases.md: what docs/matrix.json has of releases, and the table of seams. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { missingSeams, SEAMS, type SeamFunction, standingDown } from "../src/attach/seams.ts";
import { declaredBy } from "../src/cli/survey.ts";
import { markdownTable } from "../src/report/columns.ts";
import { cellOf, cellText, type Matrix, PROMISES } from "../src/report/promises.ts";
import { readMatrix } from "./matrix/store.ts";

export const RELEASES_JSON = fileURLToPath(new URL("../docs/releases.json", import.meta.url));

/** One release in docs/releases.json. */
export interface ReleaseReport {
  readonly release: string;
  /** What its manifest asks of Node. */
  readonly node: string | undefined;
  /** The functions of the table of seams that it declares. */
  readonly functions: readonly string[];
}

/** Newest first. */
export function releaseReports(): readonly ReleaseReport[] {
  return (JSON.parse(readFileSync(RELEASES_JSON, "utf8")) as { releases: ReleaseReport[] }).releases;
}

/** The functions in which a release and the table of seams differ; a `-` stands before those that it lacks. */
export function differences({ release, functions }: ReleaseReport): readonly string[] {
  const expected = declaredBy(release);
  return [
    ...[...expected].filter((name) => !functions.includes(name)).map((name) => `-${name}`),
    ...functions.filter((name) => !expected.has(name)).map((name) => `+${name}`),
  ];
}

/** @param reports newest first */
export function releasesTable(reports: readonly ReleaseReport[]): string {
  const releases = reports.map((report) => {
    const found = new Set(report.functions);
    const missing = missingSeams(found);
    return [
      report.release,
      report.node ?? "",
      missing.length === 0
        ? "attaches"
        : `cannot attach, the gateway exits with code 78: no ${missing.map(({ name }) => name).join(", ")}`,
      standingDown(found)
        .map(({ name }) => name)
        .join(", ") || "-",
    ];
  });
  const head = ["OpenClaw", "Node it asks for", "the module", "stands down for"];
  return markdownTable([head, ...releases]);
}

export function releasesPage(): string {
  return `${promisesTable(readMatrix())}

The columns promise:

${PROMISES.map(({ name, meaning }) => `- ${name}: ${meaning}.`).join("\n")}

${notImproved(readMatrix())}

## What a release does itself

The module stands down for:

${standDownList()}

## Seams

This table lists the functions of OpenClaw that the module uses. All releases above declare a function unless the table names a range. If a release has none of a required seam's functions, the gateway does not start.

${seamsTable()}`;
}

/** Causes that were found in the releases themselves. */
const CAUSES: Readonly<Record<string, string>> = {
  "2026.2.12":
    'only the default agent runs; all others fail with "Session file path must be within sessions directory", and these wakes name another agent',
  "2026.4.5": 'the gateway ends with "Agent listener invoked outside active run" in the scene of the cron run',
};

/** One row a release that was measured, one column a promise, and the names of all others. */
function promisesTable({ releases }: Matrix): string {
  const [known, unknown] = [true, false].map((wanted) =>
    Object.entries(releases).filter(([, { module, fails }]) => ((module ?? fails) !== undefined) === wanted),
  ) as [[string, Matrix["releases"][string]][], [string, unknown][]];
  const rows = known.map(([release, measured]) => [
    release,
    measured.node ?? "",
    ...PROMISES.map((promise) => (measured.fails === undefined ? cellText(promise, measured) : "does not boot here")),
    measured.fails
      ? "-"
      : `${measured.module?.at ?? ""}${measured.published?.busy || measured.module?.busy ? "*" : ""}`,
  ]);
  const head = ["OpenClaw", "Node it asks for", ...PROMISES.map(({ name }) => name), "measured"];
  const others = unknown.map(([release]) => release).join(", ");
  const busy = rows.some((row) => row.at(-1)!.endsWith("*"))
    ? "\n\n\\* Measured on a busy machine. What came late counts as wrong, on both gateways; the next `npm run matrix` measures these releases again."
    : "";
  return `${markdownTable([head, ...rows])}${busy}${others && `\n\nNot measured yet: ${others}.`}`;
}

/** The checks that are wrong also with the module, and releases that do not boot, grouped by problem. */
function notImproved({ releases }: Matrix): string {
  const cases = Object.entries(releases).flatMap(([release, measured]) => [
    ...(measured.fails === undefined ? [] : [[`does not boot in the test bed: ${measured.fails}`, release]]),
    ...PROMISES.flatMap((promise) =>
      cellOf(promise, measured).wrong.map((check) => [`${promise.name}, check "${check}"`, release]),
    ),
  ]);
  if (cases.length === 0) return "No measured check is wrong with the module.";
  const lines = [...Map.groupBy(cases, ([what]) => what)].map(
    ([what, some]) => `- ${what}: ${some.map(([, release]) => release).join(", ")}`,
  );
  const causes = Object.entries(CAUSES).map(([release, cause]) => `- ${release} on its own: ${cause}.`);
  return `Wrong with the module, and on most of these releases without it, too:\n\n${lines.join("\n")}\n\nCauses that were found:\n\n${causes.join("\n")}`;
}

function standDownList(): string {
  return SEAMS.flatMap(({ name, standsDown, functions, purpose, leftAlone }) => [
    ...(standsDown === undefined ? [] : [`- \`${name}\` (${stretch(functions[0]!)}): ${standsDown}.`]),
    ...(leftAlone === undefined
      ? []
      : [
          `- \`${name}\` (from ${leftAlone.since}, before ${leftAlone.until}): the module never ${purpose} there: ${leftAlone.because}.`,
        ]),
  ]).join("\n");
}

function seamsTable(): string {
  return markdownTable([
    ["seam", "for", "functions, any of which is enough", "without them"],
    ...SEAMS.map(({ name, required, purpose, functions, without }) => [
      `\`${name}\`${required ? ", required" : ""}`,
      purpose,
      functions.map((each) => `\`${each.name}\`${stretch(each, " (", ")")}`).join(", "),
      without,
    ]),
  ]);
}

/** The releases that have a function, in words; nothing for all. */
function stretch({ since, until }: SeamFunction, open = "", close = ""): string {
  const words = [...(since ? [`from ${since}`] : []), ...(until ? [`before ${until}`] : [])].join(", ");
  return words && `${open}${words}${close}`;
}
