/** Applies the patches to a checkout of OpenClaw, or says which would apply. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { selectPatches } from "../patches/index.ts";
import { applyPatch, type Outcome, type State } from "../patches/lib/apply.ts";
import { type Base, openBundle, openCheckout } from "../patches/lib/base.ts";
import { scriptOptions, wrongUsage } from "./options.ts";

const HELP = `Usage: npm run upstream -- <folder> [--only <nn> …] [--check] [--dist] [--json]

Applies the patches in patches/ to a checkout of OpenClaw and leaves a git diff to commit.
A patch is applied whole or not at all; one that is there already is left alone.

Options:
  --only <nn>   patches by number, e.g. 01; may be given more than once
  --check       change nothing, only say what would happen
  --dist        the folder is an installed openclaw package: patch its bundle (use a copy)
  --json        the outcomes as JSON on stdout
  -h, --help    show this help

Exit codes: 0 nothing conflicts; 1 a patch conflicts; 2 wrong usage.`;

const MEANING: Readonly<Record<State, string>> = {
  applies: "applies",
  present: "already there: applied before, or resolved upstream",
  absent: "not for this version: it has none of the code in question",
  conflict: "CONFLICTS: upstream has changed the place",
};

const OPTIONS = {
  only: { type: "string", multiple: true, default: [] as string[] },
  check: { type: "boolean", default: false },
  dist: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

const git = (root: string, ...args: string[]): string =>
  execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** Files that differ from the last commit; those of a folder that is no checkout cannot be told. */
function uncommitted(root: string): Set<string> {
  try {
    git(root, "rev-parse", "--verify", "HEAD");
  } catch {
    throw new Error(`${root} is no git checkout with a commit: the changes could not be told from the rest`);
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

const { values, positionals } = scriptOptions(HELP, OPTIONS, true);
const [folder, ...more] = positionals;
if (folder === undefined || more.length > 0) wrongUsage("name one folder", HELP);
const { base, before, selected } = (() => {
  try {
    return { ...open(folder, values.dist, !values.check), selected: selectPatches(values.only) };
  } catch (error) {
    return wrongUsage((error as Error).message, HELP);
  }
})();

const outcomes: ({ readonly patch: string } & Outcome)[] = [];
for (const { patch } of selected) {
  const outcome = applyPatch(base, patch, !values.check);
  outcomes.push({ patch: patch.name, ...outcome });
  const { state, notes, changed } = outcome;
  if (state === "conflict") process.exitCode = 1;
  if (values.json) continue;
  console.log(`${patch.name.padEnd(28)} ${state === "applies" && !values.check ? "applied" : MEANING[state]}`);
  for (const note of notes) console.log(`  ${note}`);
  for (const path of changed) console.log(`  changed ${path}`);
}
if (values.json) console.log(JSON.stringify(outcomes, null, 2));

const touched = [...new Set(outcomes.flatMap(({ changed }) => changed))];
if (touched.length > 0 && base.kind === "checkout") {
  format(base.root, touched);
  // What is new counts too: -N adds it to the index without its content.
  git(base.root, "add", "-N", "--", ...touched);
  if (!values.json) console.log(git(base.root, "diff", "--stat", "--relative", "--", ...touched));
  const mixed = touched.filter((file) => before.has(file));
  if (mixed.length > 0) process.stderr.write(`had changes before, which are in the diff too: ${mixed.join(", ")}\n`);
}
