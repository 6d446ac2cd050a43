/** Measures what the module does on each release, on a control gateway and on one with the module. */
import { InvalidArgumentError } from "commander";
import pLimit from "p-limit";
import { compare, gt } from "semver";
import { RELEASES } from "../src/attach/seams.ts";
import { cellText, lostChecks, type Matrix, PROMISES, worseChecks } from "../src/report/promises.ts";
import { textTable } from "../src/report/columns.ts";
import { type Bench, measure } from "./matrix/measure.ts";
import { codeOfModule, keep, readMatrix } from "./matrix/store.ts";
import { jsonOption, parseMinutes, parseRelease, progressOf, runScript, script, wholeNumber } from "./options.ts";
import { publishedReleases } from "./published-releases.ts";

/** At least one release of each band; see `src/attach/seams.ts`. */
const SAMPLE = [
  "2026.2.9",
  "2026.3.13",
  "2026.4.15",
  "2026.5.7",
  "2026.5.28",
  "2026.6.11",
  "2026.7.1",
  "2026.8.2",
  "2026.9.6",
];

const command = script(
  "matrix",
  `Boots each release without the module and with it, plays the same short scenes on both, and judges by content
which promises hold. docs/matrix.json keeps the results with their dates: one without the module for each release, and
one with the module for its current code. Existing results are not measured again, so an interrupted run continues where
it stopped, unless the machine was too busy then. npm run docs generates docs/releases.md from it.`,
  [
    "no release is worse with the module, or than with it before",
    "a check holds without the module and not with it, or held with it before",
  ],
)
  .argument("[release...]", "releases to measure")
  .option("--sample", `one release of each kind, which is the default: ${SAMPLE.join(", ")}`)
  .option("--all", "all stable releases on npm, from 2026.2.1 on")
  .option("--shard <i/n>", "every n-th of them, beginning with the i-th")
  .option("--control", "also measure the releases without the module again")
  .option("--again", "measure the module again even if its code has not changed")
  .option("--minutes <n>", "begin no further release after so many minutes", parseMinutes)
  .option("--jobs <n>", "gateways at a time", wholeNumber(1, 8), 2)
  .addOption(jsonOption("what is known of these releases"));

interface Options {
  readonly sample?: true;
  readonly all?: true;
  readonly shard?: string;
  readonly control?: true;
  readonly again?: true;
  readonly minutes?: number;
  readonly jobs: number;
  readonly json?: true;
}

// A gateway is ended with the process that started it, if that ends by itself.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(2));

const progress = progressOf("matrix");

async function main(options: Options, named: readonly string[]): Promise<number> {
  const startedAt = Date.now();
  const releases = shardOf(await chosen(options, named), options.shard);
  // The page has a row for each, measured or not.
  for (const release of releases) if (!readMatrix().releases[release]) keep(release, {});
  const free = pLimit(options.jobs);
  const bench: Bench = { whenFree: (job) => free(job), progress, code: codeOfModule(), keep };
  const next = pLimit(options.jobs);
  const lost: string[] = [];
  let done = 0;
  await Promise.all(
    releases.map((release) =>
      next(async () => {
        const known = readMatrix().releases[release] ?? {};
        const wanted = {
          published:
            options.control ||
            (known.published?.busy && !options.again) ||
            (!known.published && known.fails === undefined),
          module:
            options.again || known.module?.busy || known.module?.code !== bench.code || worseChecks(known).length > 0,
        };
        const late = options.minutes !== undefined && Date.now() - startedAt > options.minutes * 60_000;
        const booted = known.fails === undefined || wanted.published || named.includes(release);
        if (!late && booted && (wanted.published || wanted.module)) {
          const published = wanted.published || known.published === undefined;
          const measured = await measure(bench, release, { ...wanted, published }, known);
          keep(release, measured);
          const gone = measured.module?.busy ? [] : lostChecks(known.module, measured.module);
          lost.push(...gone.map((check) => `${release}: ${check}`));
        } else if (late) progress(`${release}: not begun`);
        done += 1;
        progress(`${done} of ${releases.length}: ${release} is done`);
      }),
    ),
  );
  return report(releases, readMatrix(), lost, options.json === true);
}

async function chosen({ all, sample }: Options, named: readonly string[]): Promise<readonly string[]> {
  if (named.length === 0 && !all) return SAMPLE;
  const published = await publishedReleases();
  for (const release of named) {
    if (!published.includes(parseRelease(release))) {
      throw new InvalidArgumentError(
        `OpenClaw ${release} is not on npm; the newest stable release is ${published.at(-1)}`,
      );
    }
    if (gt(release, RELEASES.newest)) {
      progress(
        `${release} is newer than all releases that the module knows (${RELEASES.newest}); run npm run seams -- ${release} too`,
      );
    }
  }
  const kinds = sample ? SAMPLE : [];
  if (!all) return [...named, ...kinds];
  return published.filter((release) => compare(release, "2026.2.1") >= 0);
}

function shardOf(releases: readonly string[], shard: string | undefined): readonly string[] {
  if (shard === undefined) return releases;
  const [, i, n] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(shard) ?? [];
  if (i === undefined || Number(i) > Number(n))
    throw new InvalidArgumentError(`"${shard}" is not a shard: expected e.g. 1/4`);
  return releases.filter((_, index) => index % Number(n) === Number(i) - 1);
}

function report(releases: readonly string[], matrix: Matrix, lost: readonly string[], json: boolean): number {
  const measured = releases.map((release) => [release, matrix.releases[release] ?? {}] as const);
  const worse = measured.flatMap(([release, each]) => worseChecks(each).map((check) => `${release}: ${check}`));
  if (json) console.log(JSON.stringify({ releases: Object.fromEntries(measured), worse, lost }, undefined, 2));
  else {
    const rows = measured.map(([release, each]) => [
      release,
      ...PROMISES.map((promise) => (each.fails === undefined ? cellText(promise, each) : "does not boot")),
    ]);
    console.log(textTable([["OpenClaw", ...PROMISES.map(({ name }) => name)], ...rows]));
    for (const line of worse) console.log(`WORSE than without the module: ${line}`);
    for (const line of lost) console.log(`LOST since the last measurement with the module: ${line}`);
  }
  return worse.length + lost.length > 0 ? 1 : 0;
}

await runScript(command, main);
