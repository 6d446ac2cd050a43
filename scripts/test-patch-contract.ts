/** Runs the contract cases of session isolation on a gateway with upstream patch 04 instead of the module. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { contract } from "../patches/04-session-scoped-events/contract.ts";
import { compare, type Report } from "../patches/lib/expected-failures.ts";
import { runScript, scriptOptions } from "./options.ts";

const HELP = `Usage: npm run test:patch-contract [-- --json]

Runs ${contract.files.length} files of the contract suite on OpenClaw ${contract.release} with patch 04 alone and its setting on,
without the module. What the patch does not promise is listed in
patches/04-session-scoped-events/contract.ts: these ${Object.keys(contract.failing).length} cases have to fail, all others to pass.

Options:
  --json      the outcome as JSON on stdout
  -h, --help  show this help

Exit codes: 0 as listed; 1 another case fails, or one of the list does not; 2 it could not be run.`;

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));
const REPORT = `${ARTIFACTS}patch-contract.json`;

/** One vitest run; its progress goes to stderr, its report into a file. */
function suite(): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true });
  rmSync(REPORT, { force: true });
  const reporters = [
    "--reporter=default",
    "--reporter=./test/support/stand-still/reporter.ts",
    "--reporter=json",
    `--outputFile.json=${REPORT}`,
  ];
  const child = spawn("vitest", ["run", "--project", "gateway", ...reporters, ...contract.files], {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, OPENCLAW_ISOLATED_BY: "patch:04", OPENCLAW_RELEASE: contract.release },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      if (existsSync(REPORT)) resolve();
      else reject(new Error("vitest left no report; what it said is above"));
    });
  });
}

const { values } = scriptOptions(HELP, { json: { type: "boolean", default: false } });

await runScript("test:patch-contract", async () => {
  const started = Date.now();
  await suite();
  const outcome = compare(contract, JSON.parse(readFileSync(REPORT, "utf8")) as Report);
  const { passed, failed, skipped, differences } = outcome;
  if (values.json) console.log(JSON.stringify(outcome, null, 2));
  else {
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`);
    for (const [name, why] of Object.entries(contract.failing)) console.log(`  not promised: ${name} (${why})`);
    for (const difference of differences) console.log(`  NOT AS LISTED: ${difference}`);
  }
  return differences.length === 0 ? 0 : 1;
});
