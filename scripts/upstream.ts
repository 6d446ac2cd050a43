/** Applies the patches to a checkout of OpenClaw, or says which would apply. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { selectPatches } from "../patches/index.ts";
import { applyPatch, type State } from "../patches/lib/apply.ts";
import { openBundle, openCheckout } from "../patches/lib/base.ts";

const HELP = `Usage: npm run upstream -- <folder> [--only <nn> …] [--check] [--dist]

Applies the patches in patches/ to a checkout of OpenClaw and leaves a git diff to commit.
A patch is applied whole or not at all; one that is there already is left alone.

Options:
  --only <nn>   patches by number, e.g. 01; may be given more than once
  --check       change nothing, only say what would happen
  --dist        the folder is an installed openclaw package: patch its bundle (use a copy)
  -h, --help    show this help

Exit codes: 0 nothing conflicts; 1 a patch conflicts; 2 wrong usage.`;

const MEANING: Readonly<Record<State, string>> = {
  applies: "applies",
  present: "already there: applied before, or resolved upstream",
  absent: "not for this version: it has none of the code in question",
  conflict: "CONFLICTS: upstream has changed the place",
};

function parse() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        only: { type: "string", multiple: true, default: [] },
        check: { type: "boolean", default: false },
        dist: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const [folder, ...more] = positionals;
    if (folder === undefined || more.length > 0) throw new Error("name one folder");
    // npm runs scripts in the package's folder.
    const root = resolve(process.env["INIT_CWD"] ?? ".", folder);
    return { ...values, selected: selectPatches(values.only), base: (values.dist ? openBundle : openCheckout)(root) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}\n`);
    process.exit(2);
  }
}

const { base, selected, check } = parse();
const touched: string[] = [];
for (const { patch } of selected) {
  const { state, notes, changed } = applyPatch(base, patch, !check);
  console.log(`${patch.name.padEnd(28)} ${state === "applies" && !check ? "applied" : MEANING[state]}`);
  if (state !== "applies" || notes.length > 0) for (const note of notes) console.log(`  ${note}`);
  for (const path of changed) console.log(`  changed ${path}`);
  touched.push(...changed);
  if (state === "conflict") process.exitCode = 1;
}
if (touched.length > 0 && base.kind === "checkout") {
  // With the checkout's own settings; what was formatted before stays as it is.
  execFileSync("oxfmt", touched, { cwd: base.root, stdio: "ignore" });
  // What is new counts too: -N adds it to the index without its content.
  execFileSync("git", ["add", "-N", ...touched], { cwd: base.root });
  console.log(execFileSync("git", ["diff", "--stat", "--", ...touched], { cwd: base.root, encoding: "utf8" }));
}
