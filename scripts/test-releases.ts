/** Runs the contract suite on published OpenClaw releases, one after the other. */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { compareVersions, PINNED_RELEASES } from "../test/support/release.ts";

const HELP = `Usage: npm run test:releases -- [release …] [-t <name>]

Runs the contract suite (test/gateway) on each release, installing it on first use.
Without releases: ${PINNED_RELEASES.toSorted(compareVersions).join(", ")}.

Options:
  -t, --name <pattern>  only cases whose name matches
  -h, --help            show this help

Exit codes: 0 all passed; 1 a case failed; 2 wrong usage.`;

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { name: { type: "string", short: "t" }, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}\n`);
    process.exit(2);
  }
}

/** One vitest run; resolves with its exit code. */
function suite(release: string, name: string | undefined): Promise<number> {
  const filter = name === undefined ? [] : ["-t", name];
  const child = spawn("vitest", ["run", "--project", "gateway", ...filter], {
    stdio: "inherit",
    env: { ...process.env, OPENCLAW_RELEASE: release },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

const { values, positionals } = parse();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const wrong = positionals.find((release) => !/^\d{4}\.\d+\.\d+(-[\w.]+)?$/.test(release));
if (wrong !== undefined) {
  process.stderr.write(`"${wrong}" is no OpenClaw release; write e.g. 2026.3.13\n`);
  process.exit(2);
}
const releases = positionals.length > 0 ? positionals : PINNED_RELEASES.toSorted(compareVersions);
const results: { release: string; passed: boolean; seconds: number }[] = [];
for (const release of releases) {
  process.stderr.write(`\n=== contract suite on OpenClaw ${release} (${results.length + 1} of ${releases.length})\n`);
  const started = Date.now();
  const code = await suite(release, values.name);
  results.push({ release, passed: code === 0, seconds: Math.round((Date.now() - started) / 1000) });
}
for (const { release, passed, seconds } of results) {
  console.log(`${passed ? "passed" : "FAILED"}  OpenClaw ${release}  (${seconds} s)`);
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
