/** Runs the contract cases of session isolation on a gateway with upstream patch 04 instead of the module. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { contract } from "../patches/04-session-scoped-events/contract.ts";
import { compare, type Report } from "../patches/lib/expected-failures.ts";
import { artifact } from "./artifacts.ts";
import { jsonOption, runScript, script } from "./options.ts";

const command = script(
  "test:patch-contract",
  `Runs ${contract.files.length} files of the contract suite on OpenClaw ${contract.release} with patch 04 alone and its setting on,
without the module. The promises that the patch does not make are listed in
patches/04-session-scoped-events/contract.ts: these ${Object.keys(contract.failing).length} cases have to fail, all others to pass.`,
  ["as listed", "another case fails, or one of the list does not", "it could not be run"],
).addOption(jsonOption("the outcome"));

/** One vitest run, whose progress goes to stderr; resolves with its report. */
async function suite(): Promise<Report> {
  const file = await artifact("patch-contract.json");
  await rm(file, { force: true });
  const reporters = [
    "--reporter=default",
    "--reporter=./test/support/stand-still/reporter.ts",
    "--reporter=json",
    `--outputFile.json=${file}`,
  ];
  const child = spawn("vitest", ["run", "--project", "gateway", ...reporters, ...contract.files], {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, OPENCLAW_ISOLATED_BY: "patch:04", OPENCLAW_RELEASE: contract.release },
  });
  await once(child, "close");
  const text = await readFile(file, "utf8").catch(() => {
    throw new Error("vitest left no report; what it said is above");
  });
  return JSON.parse(text) as Report;
}

async function main({ json }: { json?: true }): Promise<number> {
  const started = Date.now();
  const outcome = compare(contract, await suite());
  const { passed, failed, skipped, differences } = outcome;
  if (json) console.log(JSON.stringify(outcome, null, 2));
  else {
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`);
    for (const [name, why] of Object.entries(contract.failing)) console.log(`  not promised: ${name} (${why})`);
    for (const difference of differences) console.log(`  NOT AS LISTED: ${difference}`);
  }
  return differences.length === 0 ? 0 : 1;
}

await runScript(command, main);
