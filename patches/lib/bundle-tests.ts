/** Runs a patch's tests for upstream's tree on the bundle of a gateway copy, whose sources are not here. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { ts } from "@ts-morph/common";
import { type Base, openBundle } from "./base.ts";
import type { Patch } from "./codemod.ts";
import { parse } from "./pattern.ts";

export interface TestRun {
  readonly passed: boolean;
  readonly output: string;
}

/**
 * @param packageDir the `openclaw` package of a copy of one's own: missing exports are added to its chunks
 */
export async function runUpstreamTests(patch: Patch, packageDir: string): Promise<TestRun> {
  const home = dirname(dirname(packageDir));
  const base = openBundle(packageDir);
  const folder = join(home, "tests");
  mkdirSync(folder, { recursive: true });
  for (const [path, source] of Object.entries(patch.tests ?? {})) {
    const text = onBundle(base, path, readFileSync(source, "utf8"), patch);
    // A test of a new file says nothing of a base that does not have it.
    if (text === undefined) continue;
    writeFileSync(join(folder, basename(path).replace(/\.ts$/, ".mjs")), text);
  }
  const vitest = dirname(fileURLToPath(import.meta.resolve("vitest/package.json")));
  const link = join(home, "node_modules", "vitest");
  if (!existsSync(link)) symlinkSync(vitest, link);
  return run(join(vitest, "vitest.mjs"), folder);
}

/** A test whose imports of upstream's modules lead into the bundle; undefined if it needs a file that is not there. */
function onBundle(base: Base, path: string, source: string, patch: Patch): string | undefined {
  const file = parse(source);
  let text = source;
  const wanted: { name: string; from: string }[] = [];
  for (const statement of file.statements.filter((each) => ts.isImportDeclaration(each)).toReversed()) {
    const { importClause, moduleSpecifier } = statement;
    if (!ts.isStringLiteral(moduleSpecifier) || !moduleSpecifier.text.startsWith(".")) continue;
    text = text.slice(0, statement.getStart(file)) + text.slice(statement.getEnd());
    const bindings = importClause?.namedBindings;
    if (importClause?.isTypeOnly || !bindings || !ts.isNamedImports(bindings)) continue;
    const from = posix.join(posix.dirname(path), moduleSpecifier.text).replace(/\.js$/, ".ts");
    wanted.push(...bindings.elements.filter((each) => !each.isTypeOnly).map(({ name }) => ({ name: name.text, from })));
  }
  if (wanted.some(({ from }) => patch.files?.[from] && !base.has(base.placeOf(from)))) return undefined;
  const place = "../../tests/placed.mjs"; // seen from the package: beside node_modules
  for (const { name, from } of wanted) text = base.importInto(place, text, name, from);
  return stripTypeScriptTypes(text);
}

function run(vitest: string, folder: string): Promise<TestRun> {
  const env = { ...process.env, NO_COLOR: "1", HOME: folder, OPENCLAW_STATE_DIR: join(folder, "state") };
  const child = spawn(process.execPath, [vitest, "run", "--root", folder], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ passed: code === 0, output }));
  });
}
