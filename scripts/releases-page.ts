/** The page docs/releases.md: what docs/releases.json has of releases, and the table of seams. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { missingSeams, SEAMS, type SeamFunction, standingDown } from "../src/attach/seams.ts";
import { declaredBy } from "../src/cli/survey.ts";
import { markdownTable } from "../src/report/columns.ts";
import type { BootResult } from "./boot-release.ts";

export const RELEASES_JSON = fileURLToPath(new URL("../docs/releases.json", import.meta.url));

/** One release in docs/releases.json. */
export interface ReleaseReport {
  readonly release: string;
  /** What its manifest asks of Node. */
  readonly node: string | undefined;
  /** The functions of the table of seams that it declares. */
  readonly functions: readonly string[];
  /** With `--boot`. */
  readonly boot?: BootResult;
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

const BOOTED =
  "Booted (`npm run seams -- --boot`): `isolated`, on the real gateway with the module a second client got nothing of the first one's reply.";

/** @param reports newest first */
export function releasesTable(reports: readonly ReleaseReport[]): string {
  const booted = reports.some(({ boot }) => boot);
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
      ...(booted ? [report.boot ?? "-"] : []),
    ];
  });
  const head = ["OpenClaw", "Node it asks for", "the module", "stands down for"];
  if (booted) head.push("booted");
  return `${markdownTable([head, ...releases])}${booted ? `\n\n${BOOTED}` : ""}`;
}

export function releasesPage(): string {
  return `${releasesTable(releaseReports())}

What a release does itself, so that the module stands down:

${standDownList()}

## Seams

The functions of OpenClaw that the module uses, and the releases that declare them: all of those above unless something else is said. A required seam without any of its functions means that the gateway does not start.

${seamsTable()}`;
}

function standDownList(): string {
  return SEAMS.flatMap(({ name, standsDown, functions }) =>
    standsDown === undefined ? [] : [`- \`${name}\` (${stretch(functions[0]!)}): ${standsDown}.`],
  ).join("\n");
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
