/** Proves each patch on real gateways: its reproducer fails on the published release and passes on a patched copy. */
import { parseArgs } from "node:util";
import { patchedCopy } from "../patches/lib/gateway-copy.ts";
import { selectPatches } from "../patches/index.ts";
import { type Bed, type BedOptions, withBed } from "../test/support/bed.ts";
import { ensureRelease, type Release } from "../test/support/release.ts";

const HELP = `Usage: npm run test:patches [-- --only <nn> …] [--base <release>]

Boots each patch's base release as published and runs the patch's reproducer, which has to find the
problem; then a copy of the release with that patch alone, where it has to find nothing.

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

async function problems(release: Release, options: BedOptions, run: (bed: Bed) => Promise<string[]>) {
  try {
    return { wrong: await withBed(release, options, run) };
  } catch (error) {
    return { wrong: [], failure: (error as Error).message };
  }
}

const { help, selected, base } = parse();
if (help) {
  console.log(HELP);
  process.exit(0);
}

let proven = true;
for (const { patch, reproducer } of selected) {
  for (const version of base === undefined ? reproducer.bases : [base]) {
    const started = Date.now();
    const release = await ensureRelease(version);
    const plain = await problems(release, reproducer.options, reproducer.run);
    const copy = patchedCopy(release, [patch]);
    const patched = await problems(copy.release, reproducer.options, reproducer.run).finally(copy.remove);
    const failure = plain.failure ?? patched.failure;
    const ok = failure === undefined && plain.wrong.length > 0 && patched.wrong.length === 0;
    proven &&= ok;
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(`${ok ? "proven" : "FAILED"}  ${patch.name} on OpenClaw ${version} (${seconds} s)`);
    for (const line of plain.wrong) console.log(`  as published: ${line}`);
    if (plain.wrong.length === 0 && failure === undefined) console.log("  as published: the reproducer finds nothing");
    for (const line of patched.wrong) console.log(`  patched: ${line}`);
    if (patched.wrong.length === 0 && failure === undefined) console.log("  patched: nothing wrong");
    if (failure !== undefined) console.log(`  the scene failed: ${failure}`);
  }
}
process.exitCode = proven ? 0 : 1;
