/** Runs a patch's tests for upstream's tree on the bundle of a gateway copy, whose sources are not here. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Base, openBundle, withoutRelativeImports } from "./base.ts";
import type { Patch } from "./codemod.ts";

export interface TestRun {
  /**
   * - `fail`: tests ran, and an expectation of at least one was not met;
   * - `broken`: a file could not even be loaded, or there was nothing in it;
   * - `none`: every test is of a file that this base does not have.
   */
  readonly result: "pass" | "fail" | "broken" | "none";
  /** `5 of 7 pass`. */
  readonly summary: string;
  readonly output: string;
}

/** Of vitest's JSON report, what is looked at. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/**
 * @param packageDir the `openclaw` package of a copy of one's own: missing exports are added to its chunks
 */
export async function runUpstreamTests(patch: Patch, packageDir: string): Promise<TestRun> {
  const home = dirname(dirname(packageDir));
  const base = openBundle(packageDir);
  const folder = join(home, "tests");
  mkdirSync(folder, { recursive: true });
  let count = 0;
  for (const [path, source] of Object.entries(patch.tests ?? {})) {
    const text = readFileSync(source, "utf8");
    // A test of a new file says nothing of a base that does not have it.
    if (needsMissingFile(base, path, text, patch)) continue;
    count += 1;
    const file = basename(path).replace(/\.ts$/, ".mjs");
    const adapted = base.adapt(path, text, `../../tests/${file}`); // as seen from the package
    writeFileSync(join(folder, file), stripTypeScriptTypes(adapted));
  }
  if (count === 0) return { result: "none", summary: "no file to test", output: "" };
  const vitest = dirname(fileURLToPath(import.meta.resolve("vitest/package.json")));
  const link = join(home, "node_modules", "vitest");
  if (!existsSync(link)) symlinkSync(vitest, link);
  return run(join(vitest, "vitest.mjs"), folder);
}

/** Whether a test needs a file of the patch that this base does not have. */
function needsMissingFile(base: Base, path: string, source: string, { files = {} }: Patch): boolean {
  const { values } = withoutRelativeImports(path, source);
  return values.some(({ from }) => files[from] !== undefined && !base.has(base.placeOf(from)));
}

async function run(vitest: string, folder: string): Promise<TestRun> {
  const env = { ...process.env, NO_COLOR: "1", HOME: folder, OPENCLAW_STATE_DIR: join(folder, "state") };
  const report = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const child = spawn(process.execPath, [vitest, "run", "--root", folder, ...reporters], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const [code] = (await once(child, "close")) as [number | null];
  return { ...judge(code, existsSync(report) ? readFileSync(report, "utf8") : undefined), output };
}

function judge(code: number | null, report: string | undefined): Pick<TestRun, "result" | "summary"> {
  const files = report === undefined ? [] : (JSON.parse(report) as Report).testResults;
  const all = files.flatMap(({ assertionResults }) => assertionResults);
  const passed = all.filter(({ status }) => status === "passed").length;
  const summary = `${passed} of ${all.length} pass`;
  if (files.length === 0 || files.some(({ assertionResults }) => assertionResults.length === 0)) {
    return { result: "broken", summary: `${summary}, a file did not load` };
  }
  return { result: code === 0 && passed === all.length ? "pass" : passed < all.length ? "fail" : "broken", summary };
}
