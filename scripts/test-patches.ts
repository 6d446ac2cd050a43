/** Proves each patch on real gateways: its reproducer fails on the published release and passes on a patched copy. */
import { selectPatches } from "../patches/index.ts";
import type { Patch } from "../patches/lib/codemod.ts";
import { examine, type Found, judge, type Proof, secondsSince } from "../patches/lib/proof.ts";
import type { Scene } from "../patches/lib/reproducer.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { releaseOption, runScript, scriptOptions, wrongUsage } from "./options.ts";

const HELP = `Usage: npm run test:patches [-- --only <nn> …] [--base <release>] [--jobs <n>] [--json]

Boots each patch's base release as published and runs the patch's reproducer, which has to find the
problem, and then a copy of the release with that patch alone, where it has to find nothing. The
tests that the patch brings for upstream's tree run on both bundles too: they have to pass on the
patched one, and on the published one to fail or to need a file that is not there.

Options:
  --only <nn>       patches by number, e.g. 01; may be given more than once
  --base <release>  on this release instead of the patch's own bases
  --jobs <n>        gateways at a time (default 2); they boot one after the other
  --json            the proofs as JSON on stdout
  -h, --help        show this help

Exit codes: 0 every patch is proven; 1 one is not; 2 wrong usage, or it could not be done.`;

const OPTIONS = {
  only: { type: "string", multiple: true, default: [] as string[] },
  base: { type: "string" },
  jobs: { type: "string", default: "2" },
  json: { type: "boolean", default: false },
} as const;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(2));

/** Runs tasks, at most `limit` at a time, in their order. */
function limited(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (task) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}

type Run = ReturnType<typeof limited>;

async function prove(patch: Patch, reproducer: Scene, release: Release, run: Run): Promise<Proof> {
  let started = 0;
  const half = (apply: readonly Patch[]): Promise<Found> =>
    run(() => {
      started ||= Date.now();
      process.stderr.write(
        `… ${patch.name} on OpenClaw ${release.version}, ${apply.length ? "patched" : "as published"}\n`,
      );
      return examine(patch, reproducer, release, apply);
    });
  const halves = await Promise.allSettled([half([]), half([patch])]);
  const base = { patch: patch.name, release: release.version, seconds: secondsSince(started) };
  const [plain, patched] = halves;
  if (plain.status === "fulfilled" && patched.status === "fulfilled") {
    return { ...base, ...judge(plain.value, patched.value) };
  }
  const lines = halves.flatMap((each) => (each.status === "rejected" ? [messageOf(each.reason)] : []));
  return { ...base, proven: false, inconclusive: true, lines };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function selected(only: readonly string[]): ReturnType<typeof selectPatches> {
  try {
    return selectPatches(only);
  } catch (error) {
    return wrongUsage((error as Error).message, HELP);
  }
}

const { values } = scriptOptions(HELP, OPTIONS);
const patches = selected(values.only);
const base = values.base === undefined ? undefined : releaseOption(values.base, HELP);
const jobs = Number(values.jobs);
if (!Number.isInteger(jobs) || jobs < 1) wrongUsage(`--jobs takes a number from 1 on, not "${values.jobs}"`, HELP);

await runScript("test:patches", async () => {
  const started = Date.now();
  const run = limited(jobs);
  const pending: Promise<Proof>[] = [];
  const again: (() => Promise<Proof>)[] = [];
  for (const { patch, reproducer } of patches) {
    for (const version of base === undefined ? reproducer.bases : [base]) {
      const release = await ensureRelease(version);
      const first = prove(patch, reproducer, release, run).then((proof) => {
        if (proof.inconclusive && jobs > 1) again.push(() => prove(patch, reproducer, release, limited(1)));
        report(proof);
        return proof;
      });
      pending.push(first);
    }
  }
  const proofs = await Promise.all(pending);
  // A machine that is too slow for two of them may do for one.
  for (const retry of again) {
    const proof = await retry();
    report(proof, ", the second time, alone");
    proofs[proofs.findIndex(({ patch, release }) => patch === proof.patch && release === proof.release)] = proof;
  }
  const proven = proofs.filter((proof) => proof.proven).length;
  if (values.json) console.log(JSON.stringify(proofs, null, 2));
  else console.log(`${proven} of ${proofs.length} proven in ${secondsSince(started)} s, ${jobs} at a time`);
  return proven === proofs.length ? 0 : 1;
});

/** One line for a patch, with its findings below. */
function report({ patch, release, proven, inconclusive, lines, seconds }: Proof, when = ""): void {
  if (values.json) return;
  const verdict = proven ? "proven" : inconclusive ? "FAILED TO SHOW" : "FAILED";
  console.log(`${verdict}  ${patch} on OpenClaw ${release} (${seconds} s${when})`);
  for (const line of lines) console.log(`  ${line}`);
}
