/** Runs the contract suite on published OpenClaw releases, one after the other. */
import { spawn } from "node:child_process";
import { capabilities } from "../test/support/gateway/capabilities.ts";
import { PINNED_RELEASES } from "../test/support/gateway/release.ts";
import { releaseOption, scriptOptions } from "./options.ts";

const HELP = `Usage: npm run test:releases -- [release …] [-t <name>]

Runs the contract suite (test/gateway) and the tests of OpenClaw's own user interfaces
(test/browser) on each release, installing it on first use.
Without releases: ${PINNED_RELEASES.join(", ")}.

Options:
  -t, --name <pattern>  only cases whose name matches
  --contract            only what differs most from release to release: who gets what, heartbeats, cron runs, wakes;
                        on 2026.2 also claims, hostile clients and settings
  -h, --help            show this help

Exit codes: 0 all passed; 1 a case failed; 2 wrong usage.`;

/** What `npm test` on the newest release does not say of the others. */
const CONTRACT = ["bystanders", "cron-events", "heartbeat", "heartbeat-channel", "runs", "sessions", "targeted-wakes"];

/** What does on the newest release and on the oldest will do in between, where it takes several times as long. */
const CONTRACT_IF_FAST = [...CONTRACT, "claims", "cron-load", "heartbeat-alerts", "hostile", "settings"];

/** 2026.2 boots in seconds: with two files at a time two cores were idle half of the time. */
const WORKERS_IF_FAST = "4";

/** One vitest run; resolves with its exit code. */
function suite(release: string, name: string | undefined, contractOnly: boolean): Promise<number> {
  const filter = name === undefined ? [] : ["-t", name];
  const projects = contractOnly ? ["gateway"] : ["gateway", "browser", "faults", "interfaces"];
  const selected = projects.flatMap((project) => ["--project", project]);
  const { bootsFast } = capabilities({ version: release });
  const workers = bootsFast ? ["--maxWorkers", WORKERS_IF_FAST] : [];
  const contract = (bootsFast ? CONTRACT_IF_FAST : CONTRACT).map((file) => `test/gateway/${file}.test.ts`);
  const child = spawn("vitest", ["run", ...selected, ...workers, ...filter, ...(contractOnly ? contract : [])], {
    stdio: "inherit",
    env: { ...process.env, OPENCLAW_RELEASE: release },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

const { values, positionals } = scriptOptions(
  HELP,
  { name: { type: "string", short: "t" }, contract: { type: "boolean", default: false } },
  true,
);
for (const release of positionals) releaseOption(release, HELP);
const releases = positionals.length > 0 ? positionals : PINNED_RELEASES;
const results: { release: string; passed: boolean; seconds: number }[] = [];
for (const release of releases) {
  process.stderr.write(`\n=== contract suite on OpenClaw ${release} (${results.length + 1} of ${releases.length})\n`);
  const started = Date.now();
  const code = await suite(release, values.name, values.contract);
  results.push({ release, passed: code === 0, seconds: Math.round((Date.now() - started) / 1000) });
}
for (const { release, passed, seconds } of results) {
  console.log(`${passed ? "passed" : "FAILED"}  OpenClaw ${release}  (${seconds} s)`);
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
