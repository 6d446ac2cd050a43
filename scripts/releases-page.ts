/** The page docs/releases.md. */
import type { Seam } from "../src/attach/seams.ts";
import { UPSTREAM_PARTS } from "../src/attach/upstream.ts";
import type { BootResult } from "./boot-release.ts";

/** One release in docs/releases.json. */
export interface ReleaseReport {
  readonly release: string;
  /** What its manifest asks of Node. */
  readonly node: string | undefined;
  readonly verdict: "attach" | "refuse";
  /** Required seams that it does not have: why the gateway refuses to start. */
  readonly missing: readonly string[];
  /** The functions found, by seam; none: the release does without. */
  readonly seams: Readonly<Record<string, readonly string[]>>;
  /** What the release does itself; see UPSTREAM_PARTS. */
  readonly standDown: readonly string[];
  /** With `--boot`. */
  readonly boot?: BootResult;
}

const BOOTED =
  "Booted (`npm run seams -- --boot`): `isolated`, on the real gateway with the module a second client got nothing of the first one's reply.";

/** @param reports newest first */
export function releasesPage(reports: readonly ReleaseReport[], seams: readonly Seam[]): string {
  const booted = reports.some(({ boot }) => boot);
  const releases = reports.map((report) => [
    report.release,
    report.node ?? "",
    report.verdict === "attach"
      ? "attaches"
      : `cannot attach, the gateway exits with code 78: no ${report.missing.join(", ")}`,
    report.standDown.join(", ") || "-",
    ...(booted ? [report.boot ?? "-"] : []),
  ]);
  const head = ["OpenClaw", "Node it asks for", "the module", "stands down for"];
  if (booted) head.push("booted");
  return `# Releases

Written by \`npm run seams\`, which looks for the module's seams in the published packages. A release that has none of a required seam's functions is refused at start, with exit code 78 and a message that names the seam.

${markdownTable(head, releases)}

${booted ? `${BOOTED}\n\n` : ""}What a release does itself, so that the module stands down:

${UPSTREAM_PARTS.map(({ name, standDown, since }) => `- \`${name}\` (from ${since}): ${standDown}.`).join("\n")}

## Seams

The functions found in the releases above. Where there are none of a seam that is not required, the module does without it.

${markdownTable(
  ["seam", "for", "OpenClaw", "functions found"],
  seams.flatMap(({ name, required, purpose }) =>
    stretches(reports, name).map(({ releases: range, functions }, index) => [
      index === 0 ? `\`${name}\`${required ? ", required" : ""}` : "",
      index === 0 ? purpose : "",
      range,
      functions.map((each) => `\`${each}\``).join(" ") || "none",
    ]),
  ),
)}
`;
}

/** Neighbouring releases that have the same functions of a seam, taken together. */
function stretches(
  reports: readonly ReleaseReport[],
  seam: string,
): { readonly releases: string; readonly functions: readonly string[] }[] {
  const groups: ReleaseReport[][] = [];
  for (const report of reports) {
    const last = groups.at(-1);
    if (last && String(last[0]!.seams[seam]) === String(report.seams[seam])) last.push(report);
    else groups.push([report]);
  }
  return groups.map((group) => {
    const [newest, oldest] = [group[0]!.release, group.at(-1)!.release];
    return {
      releases: newest === oldest ? newest : `${oldest} to ${newest}`,
      functions: group[0]!.seams[seam]!,
    };
  });
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
