/** Checks on which OpenClaw releases the module attaches, and writes docs/releases.md and .json. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { survey } from "../src/cli/survey.ts";
import { openclawPackage } from "../src/attach/process.ts";
import { SEAMS } from "../src/attach/seams.ts";
import { compareVersions, PINNED_RELEASES } from "../test/support/gateway/release.ts";
import { bootResult } from "./boot-release.ts";
import { releaseOption, runScript, scriptOptions } from "./options.ts";
import { monthlyReleases, publishedReleases, unpackedRelease } from "./published-releases.ts";
import { type ReleaseReport, releasesPage } from "./releases-page.ts";

const HELP = `Usage: npm run seams [-- release|folder …] [--boot]

Looks in published OpenClaw packages for the functions that the module attaches to. A release is
downloaded on first use (npm pack, 20 to 100 MB) and kept in .cache/packages; a folder is an
installed openclaw package. What is found of these is printed. Without any: the last stable release
of each month since 2026.2, the newest, and those of the tests, into docs/releases.md and .json.

Options:
  --boot      also install and boot each release with the module and talk past a bystander;
              without it, the page keeps what the last such run has shown
  -h, --help  show this help

Exit codes: 0 the module attaches to each; 1 not to each, or not as the scan says when booted;
            2 a release could not be had, or wrong usage.`;

const DOCS = fileURLToPath(new URL("../docs/", import.meta.url));

async function main(): Promise<number> {
  const { values, positionals } = scriptOptions(HELP, { boot: { type: "boolean" } }, true);
  const wanted = positionals.length > 0 ? positionals : await defaultReleases();
  const earlier = earlierBoots();
  const reports: ReleaseReport[] = [];
  for (const [index, each] of wanted.entries()) {
    const root = each.includes("/") ? each : await unpackedRelease(releaseOption(each, HELP), progress);
    const { release } = openclawPackage(join(root, "package.json")) ?? { release: undefined };
    if (release === undefined) throw new Error(`${each} is no openclaw package`);
    const found = survey(root);
    const boot = values.boot ? await bootResult(release, progress) : earlier.get(release);
    progress(
      `${index + 1} of ${wanted.length}: ${release} ${found.verdict === "attach" ? "attaches" : "CANNOT attach"}${values.boot ? `; booted: ${boot}` : ""}`,
    );
    reports.push({
      release,
      node: (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { engines?: { node?: string } }).engines
        ?.node,
      verdict: found.verdict,
      missing: found.seams.filter(({ required, found: any }) => required && any.length === 0).map(({ name }) => name),
      seams: Object.fromEntries(found.seams.map((seam) => [seam.name, seam.found.map((one) => one.function)])),
      standDown: found.standDown.map(({ name }) => name),
      ...(boot ? { boot } : {}),
    });
  }
  reports.sort((a, b) => compareVersions(b.release, a.release));
  const page = releasesPage(reports, SEAMS);
  if (positionals.length > 0) console.log(page);
  else {
    mkdirSync(DOCS, { recursive: true });
    writeFileSync(join(DOCS, "releases.md"), page);
    writeFileSync(join(DOCS, "releases.json"), `${JSON.stringify({ releases: reports }, undefined, 2)}\n`);
    progress("wrote docs/releases.md and docs/releases.json");
  }
  const ok = reports.every(
    ({ verdict, boot }) => verdict === "attach" && boot !== "LEAKS" && boot !== "fails with the module",
  );
  return ok ? 0 : 1;
}

/** What the last `--boot` has shown of releases; a scan alone does not take it back. */
function earlierBoots(): Map<string, ReleaseReport["boot"]> {
  try {
    const { releases } = JSON.parse(readFileSync(join(DOCS, "releases.json"), "utf8")) as { releases: ReleaseReport[] };
    return new Map(releases.map(({ release, boot }) => [release, boot]));
  } catch {
    return new Map(); // none yet
  }
}

async function defaultReleases(): Promise<string[]> {
  const releases = new Set([...monthlyReleases(await publishedReleases()), ...PINNED_RELEASES]);
  return [...releases].sort(compareVersions);
}

function progress(message: string): void {
  process.stderr.write(`seams: ${message}\n`);
}

await runScript("seams", main);
