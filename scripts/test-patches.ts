/** Proves each patch on real gateways: its reproducer fails on the published release and passes on a patched copy. */
import { parseArgs } from "node:util";
import { selectPatches } from "../patches/index.ts";
import { applyPatch } from "../patches/lib/apply.ts";
import { openBundle } from "../patches/lib/base.ts";
import { runUpstreamTests, type TestRun } from "../patches/lib/bundle-tests.ts";
import type { Patch } from "../patches/lib/codemod.ts";
import { patchedCopy } from "../patches/lib/gateway-copy.ts";
import type { Scene } from "../patches/lib/reproducer.ts";
import { ensureRelease, type Release } from "../test/support/release.ts";

const HELP = `Usage: npm run test:patches [-- --only <nn> …] [--base <release>]

Boots each patch's base release as published and runs the patch's reproducer, which has to find the
problem, and then a copy of the release with that patch alone, where it has to find nothing. The
tests that the patch brings for upstream's tree run on both bundles too: they have to pass on the
patched one, and on the published one to fail or to need a file that is not there.

Options:
  --only <nn>       patches by number, e.g. 01; may be given more than once
  --base <release>  on this release instead of the patch's own bases
  -h, --help        show this help

Exit codes: 0 every patch is proven; 1 one is not; 2 wrong usage.`;

function parse() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", multiple: true, default: [] },
        base: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return { ...values, selected: selectPatches(values.only) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}\n`);
    process.exit(2);
  }
}

interface Found {
  readonly wrong: readonly string[];
  readonly tests: TestRun;
}

/** Runs a patch's reproducer and its tests for upstream's tree on a copy of a release. */
async function examine(patch: Patch, reproducer: Scene, release: Release, apply: readonly Patch[]): Promise<Found> {
  // The plain one is a copy too: the tests may need exports that a chunk does not have.
  const copy = patchedCopy(release, apply);
  try {
    for (const each of apply) {
      const { state } = applyPatch(openBundle(copy.release.dir), each, false);
      if (state !== "present") throw new Error(`${each.name} would be applied twice: ${state}`);
    }
    const wrong = await reproducer.problems(copy.release).catch((error: unknown) => {
      const which = apply.length === 0 ? "as published" : "patched";
      throw new Error(`${which}: the scene failed: ${(error as Error).message}`, { cause: error });
    });
    return { wrong, tests: await runUpstreamTests(patch, copy.release.dir) };
  } finally {
    copy.remove();
  }
}

/** One line for each finding; the first says whether the patch is proven. */
function report(plain: Found, patched: Found): { proven: boolean; lines: string[] } {
  const proven =
    plain.wrong.length > 0 &&
    patched.wrong.length === 0 &&
    plain.tests.result !== "pass" &&
    patched.tests.result === "pass";
  const lines = [
    ...plain.wrong,
    ...(plain.wrong.length === 0 ? ["NOTHING WRONG: the reproducer finds no problem"] : []),
  ]
    .map((line) => `as published: ${line}`)
    .concat(patched.wrong.map((line) => `patched: STILL WRONG: ${line}`));
  if (patched.wrong.length === 0) lines.push("patched: nothing wrong");
  lines.push(`tests for upstream: ${plain.tests.result} as published, ${patched.tests.result} patched`);
  if (patched.tests.result !== "pass") lines.push(patched.tests.output);
  return { proven, lines };
}

const { help, selected, base } = parse();
if (help) {
  console.log(HELP);
  process.exit(0);
}

let allProven = true;
for (const { patch, reproducer } of selected) {
  for (const version of base === undefined ? reproducer.bases : [base]) {
    const started = Date.now();
    const release = await ensureRelease(version);
    const seconds = (): number => Math.round((Date.now() - started) / 1000);
    try {
      // One after the other: two gateways that start at once on two cores run into timeouts.
      const plain = await examine(patch, reproducer, release, []);
      const patched = await examine(patch, reproducer, release, [patch]);
      const { proven, lines } = report(plain, patched);
      allProven &&= proven;
      console.log(`${proven ? "proven" : "FAILED"}  ${patch.name} on OpenClaw ${version} (${seconds()} s)`);
      for (const line of lines) console.log(`  ${line}`);
    } catch (error) {
      allProven = false;
      console.log(`FAILED  ${patch.name} on OpenClaw ${version} (${seconds()} s)\n  ${(error as Error).message}`);
    }
  }
}
process.exitCode = allProven ? 0 : 1;
