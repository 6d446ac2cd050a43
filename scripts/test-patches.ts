/** Proves each patch on real gateways: its reproducer fails on the published release and passes on a patched copy. */
import { InvalidArgumentError } from "commander";
import pLimit, { type LimitFunction } from "p-limit";
import { selectPatches } from "../patches/index.ts";
import type { Patch } from "../patches/lib/codemod.ts";
import { examine, type Found, judge, type Proof, secondsSince } from "../patches/lib/proof.ts";
import type { Scene } from "../patches/lib/reproducer.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { jsonOption, onlyOption, parseRelease, runScript, script, wholeNumber } from "./options.ts";

const command = script(
  "test:patches",
  `Boots each patch's base release without the patch and runs its reproducer, which must find the
problem, and then a copy of the release with that patch alone, where it has to find nothing. The tests
that the patch brings for upstream's tree run on both bundles too: they have to pass on the patched one,
and on the published one to fail or to need a file that is not there.`,
  ["every patch is proven", "one is not"],
)
  .addOption(onlyOption())
  .option("--base <release>", "on this release instead of the patch's own bases", parseRelease)
  .option("--jobs <n>", "gateways at a time; they boot one after the other", wholeNumber(1, 64), 2)
  .addOption(jsonOption("the proofs"));

interface Options {
  readonly only: readonly string[];
  readonly base?: string;
  readonly jobs: number;
  readonly json?: true;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(2));

async function prove(patch: Patch, reproducer: Scene, release: Release, limit: LimitFunction): Promise<Proof> {
  let started = 0;
  const half = (apply: readonly Patch[]): Promise<Found> =>
    limit(() => {
      started ||= Date.now();
      process.stderr.write(
        `… ${patch.name} on OpenClaw ${release.version}, ${apply.length ? "patched" : "unpatched"}\n`,
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
    throw new InvalidArgumentError((error as Error).message);
  }
}

async function main({ only, base, jobs, json }: Options): Promise<number> {
  const started = Date.now();
  const limit = pLimit(jobs);
  const pending: Promise<Proof>[] = [];
  const again: (() => Promise<Proof>)[] = [];
  const show = json ? () => undefined : report;
  for (const { patch, reproducer } of selected(only)) {
    for (const version of base === undefined ? reproducer.bases : [base]) {
      const release = await ensureRelease(version);
      const first = prove(patch, reproducer, release, limit).then((proof) => {
        if (proof.inconclusive && jobs > 1) again.push(() => prove(patch, reproducer, release, pLimit(1)));
        show(proof);
        return proof;
      });
      pending.push(first);
    }
  }
  const proofs = await Promise.all(pending);
  // A machine that is too slow for two of them may do for one.
  for (const retry of again) {
    const proof = await retry();
    show(proof, ", the second time, alone");
    proofs[proofs.findIndex(({ patch, release }) => patch === proof.patch && release === proof.release)] = proof;
  }
  const proven = proofs.filter((proof) => proof.proven).length;
  if (json) console.log(JSON.stringify(proofs, null, 2));
  else console.log(`${proven} of ${proofs.length} proven in ${secondsSince(started)} s, ${jobs} at a time`);
  return proven === proofs.length ? 0 : 1;
}

/** One line for a patch, with its findings below. */
function report({ patch, release, proven, inconclusive, lines, seconds }: Proof, when = ""): void {
  const verdict = proven ? "proven" : inconclusive ? "FAILED TO SHOW" : "FAILED";
  console.log(`${verdict}  ${patch} on OpenClaw ${release} (${seconds} s${when})`);
  for (const line of lines) console.log(`  ${line}`);
}

await runScript(command, main);
