/** Checks on which OpenClaw releases the module attaches, and writes docs/releases.json. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compare } from "semver";
import { openclawPackage } from "../src/attach/process.ts";
import { missingSeams } from "../src/attach/seams.ts";
import { survey } from "../src/cli/survey.ts";
import { progressOf, parseRelease, runScript, script } from "./options.ts";
import { publishedReleases, unpackedRelease } from "./published-releases.ts";
import { differences, RELEASES_JSON, type ReleaseReport, releasesTable } from "./releases-page.ts";

const command = script(
  "seams",
  `Looks in published OpenClaw packages for the functions that the module attaches to, and compares
them with the table src/attach/seams.ts. A release is downloaded on first use (npm pack, 20 to 100 MB)
and kept in .cache/packages; a folder is an installed openclaw package. The functions that are found are
printed. Without any: all stable releases, into docs/releases.json, to which the tests hold the table.`,
  [
    "the module attaches to each, and each has the functions that the table says",
    "not so",
    "a release could not be had, or wrong usage",
  ],
).argument("[release|folder...]", "releases, and folders of installed packages");

const progress = progressOf("seams");

async function main(_options: object, positionals: readonly string[]): Promise<number> {
  const wanted = positionals.length > 0 ? positionals : await publishedReleases();
  const reports: ReleaseReport[] = [];
  for (const [index, each] of wanted.entries()) {
    const root = each.includes("/") ? each : await unpackedRelease(parseRelease(each), progress);
    const { release } = openclawPackage(join(root, "package.json")) ?? { release: undefined };
    if (release === undefined) throw new Error(`${each} is not an openclaw package`);
    const found = survey(root, release);
    progress(
      `${index + 1} of ${wanted.length}: ${release} ${found.verdict === "attach" ? "attaches" : "CANNOT attach"}`,
    );
    const report = {
      release,
      node: (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { engines?: { node?: string } }).engines
        ?.node,
      functions: [...new Set(found.seams.flatMap((seam) => seam.found.map((one) => one.function)))],
    };
    reports.push(report);
    const other = differences(report);
    if (other.length > 0) progress(`${release} is not as src/attach/seams.ts has it: ${other.join(" ")}`);
  }
  reports.sort((a, b) => compare(b.release, a.release));
  if (positionals.length > 0) console.log(releasesTable(reports));
  else {
    writeFileSync(RELEASES_JSON, `${JSON.stringify({ releases: reports }, undefined, 2)}\n`);
    progress("wrote docs/releases.json");
  }
  const ok = reports.every(
    (report) => missingSeams(new Set(report.functions)).length === 0 && differences(report).length === 0,
  );
  return ok ? 0 : 1;
}

await runScript(command, main);
