/** Runs the contract suite on published OpenClaw releases, one after the other. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Argument } from "commander";
import { capabilities } from "../test/support/gateway/capabilities.ts";
import { PINNED_RELEASES } from "../test/support/gateway/release.ts";
import { parseRelease, runScript, script } from "./options.ts";

const command = script(
  "test:releases",
  `Runs the contract suite (test/gateway) and the tests of OpenClaw's own user interfaces (test/browser) on
each release, installing it on first use.`,
  ["all passed", "a case failed"],
)
  .addArgument(
    new Argument("[release...]", "releases to run on")
      .default(PINNED_RELEASES, PINNED_RELEASES.join(", "))
      .argParser((text: string, before: readonly string[]) => [
        ...(before === PINNED_RELEASES ? [] : before),
        parseRelease(text),
      ]),
  )
  .option("-t, --name <pattern>", "only cases whose name matches")
  .option(
    "--contract",
    "only what differs most from release to release, and what npm test has not run on that one: who gets what and heartbeats; on the newest one access rules and wakes",
  );

/** On a release that `npm test` does not boot. Wakes and cron events are left to the nightly run: they boot most. */
const CONTRACT = ["bystanders", "heartbeat", "heartbeat-channel", "own-runs", "runs", "sessions"];

/** On the release that boots fast: what `npm test` runs on the newest one. */
const CONTRACT_IF_FAST = ["agent-ids", "bystanders", "heartbeat", "own-runs", "probe", "runs", "sessions"];

/** On the newest release: what `npm test` runs on the one that boots fast, and that the newest does in its own way. */
const CONTRACT_OF_NEWEST = ["access", "access-evasion", "roster", "seams", "targeted-wakes"];

function contractOf(version: string): readonly string[] {
  if (version === PINNED_RELEASES.at(-1)) return CONTRACT_OF_NEWEST;
  return capabilities({ version }).bootsFast ? CONTRACT_IF_FAST : CONTRACT;
}

/** 2026.2 boots in seconds: with two files at a time two cores were idle half of the time. */
const WORKERS_IF_FAST = "4";

/** One vitest run; resolves with its exit code. */
async function suite(version: string, name: string | undefined, contractOnly: boolean): Promise<number> {
  const filter = name === undefined ? [] : ["-t", name];
  const projects = contractOnly ? ["gateway"] : ["gateway", "browser", "faults", "interfaces"];
  const selected = projects.flatMap((project) => ["--project", project]);
  const { bootsFast } = capabilities({ version });
  const workers = bootsFast ? ["--maxWorkers", WORKERS_IF_FAST] : [];
  const contract = contractOf(version).map((file) => `test/gateway/${file}.test.ts`);
  const child = spawn("vitest", ["run", ...selected, ...workers, ...filter, ...(contractOnly ? contract : [])], {
    stdio: "inherit",
    env: { ...process.env, OPENCLAW_RELEASE: version },
  });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

interface Result {
  readonly version: string;
  readonly passed: boolean;
  readonly seconds: number;
}

async function main({ name, contract }: { name?: string; contract?: true }): Promise<number> {
  const [versions] = command.processedArgs as [readonly string[]];
  const results: Result[] = [];
  for (const version of versions) {
    process.stderr.write(`\n=== contract suite on OpenClaw ${version} (${results.length + 1} of ${versions.length})\n`);
    const started = Date.now();
    const code = await suite(version, name, contract === true);
    results.push({ version, passed: code === 0, seconds: Math.round((Date.now() - started) / 1000) });
  }
  for (const { version, passed, seconds } of results) {
    console.log(`${passed ? "passed" : "FAILED"}  OpenClaw ${version}  (${seconds} s)`);
  }
  return results.every(({ passed }) => passed) ? 0 : 1;
}

await runScript(command, main);
