/** Applies the patches to a checkout of OpenClaw, or says which would apply. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { selectPatches } from "../patches/index.ts";
import { applyPatch, type Outcome, type State } from "../patches/lib/apply.ts";
import { type Base, openBundle, openCheckout } from "../patches/lib/base.ts";
import { jsonOption, onlyOption, runScript, script } from "./options.ts";

const command = script(
  "upstream",
  `Applies the patches in patches/ to a checkout of OpenClaw and leaves a git diff to commit. A patch is
applied whole or not at all; one that is there already is left alone.`,
  ["nothing conflicts", "a patch conflicts", "wrong usage"],
)
  .argument("<folder>", "the checkout")
  .addOption(onlyOption())
  .option("--check", "change nothing, only say what would happen")
  .option("--dist", "the folder is an installed openclaw package: patch its bundle (use a copy)")
  .addOption(jsonOption("the outcomes"));

interface Options {
  readonly only: readonly string[];
  readonly check?: true;
  readonly dist?: true;
  readonly json?: true;
}

const MEANING: Readonly<Record<State, string>> = {
  applies: "applies",
  present: "already there: applied before, or resolved upstream",
  absent: "not for this version: it has none of the code in question",
  conflict: "CONFLICTS: upstream has changed the place",
};

const git = (root: string, ...args: string[]): string =>
  execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** Files that differ from the last commit; in a folder that is not a checkout they cannot be determined. */
function uncommitted(root: string): Set<string> {
  try {
    git(root, "rev-parse", "--verify", "HEAD");
  } catch {
    throw new Error(
      `${root} is not a git checkout with a commit: the changes could not be distinguished from the rest`,
    );
  }
  const changed = git(root, "diff", "--name-only", "--relative", "HEAD", "--", ".");
  return new Set(changed.split("\n").filter(Boolean));
}

function open(folder: string, dist: boolean, writes: boolean): { base: Base; before: Set<string> } {
  // npm runs scripts in the package's folder.
  const root = resolve(process.env["INIT_CWD"] ?? ".", folder);
  if (dist) return { base: openBundle(root), before: new Set() };
  return { base: openCheckout(root), before: writes ? uncommitted(root) : new Set() };
}

/** Formats what was changed as the checkout wants it; what was formatted before stays as it is. */
function format(root: string, files: readonly string[]): void {
  try {
    execFileSync("oxfmt", files, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    const why = stderr?.toString().trim() || (error as Error).message;
    process.stderr.write(`not formatted, do it with the checkout's own formatter: ${why}\n`);
  }
}

/** Everything that can be wrong with what was asked for comes first. */
function prepared(folder: string, { only, check, dist }: Options) {
  try {
    return { ...open(folder, dist === true, !check), selected: selectPatches(only) };
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function main(options: Options, [folder = ""]: readonly string[]): number {
  const { base, before, selected } = prepared(folder, options);
  const { check, json } = options;
  const outcomes = selected.map(({ patch }): { readonly patch: string } & Outcome => {
    const outcome = applyPatch(base, patch, !check);
    if (!json) report(patch.name, outcome, check);
    return { patch: patch.name, ...outcome };
  });
  if (json) console.log(JSON.stringify(outcomes, null, 2));

  const touched = [...new Set(outcomes.flatMap(({ changed }) => changed))];
  if (touched.length > 0 && base.kind === "checkout") {
    format(base.root, touched);
    // What is new counts too: -N adds it to the index without its content.
    git(base.root, "add", "-N", "--", ...touched);
    if (!json) console.log(git(base.root, "diff", "--stat", "--relative", "--", ...touched));
    const mixed = touched.filter((file) => before.has(file));
    if (mixed.length > 0) process.stderr.write(`had changes before, which are in the diff too: ${mixed.join(", ")}\n`);
  }
  return outcomes.some(({ state }) => state === "conflict") ? 1 : 0;
}

function report(name: string, { state, notes, changed }: Outcome, check: true | undefined): void {
  console.log(`${name.padEnd(28)} ${state === "applies" && !check ? "applied" : MEANING[state]}`);
  for (const note of notes) console.log(`  ${note}`);
  for (const path of changed) console.log(`  changed ${path}`);
}

await runScript(command, main);
