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
    "only what npm test has not run on that release, without what takes longest: who receives what and heartbeats; on the newest one access rules too, on the one that boots fast all that boots many gateways",
  );

/** On a release that `npm test` does not boot. */
const CONTRACT = ["bystanders", "coming-back", "heartbeat", "heartbeat-channel", "own-runs", "runs", "sessions"];

/** On the release that boots fast: what `npm test` runs on the newest one, and the files with many boots. */
const CONTRACT_IF_FAST = [
  "agent-ids",
  "bystanders",
  "completion-properties",
  "completions",
  "configurations",
  "cron-events",
  "heartbeat-alerts",
  "http-messages",
  "lifecycle",
  "plugin",
  "runs",
  "sessions",
  "settings",
  "targeted-wakes",
];

/** On the newest release: what it does in its own way. */
const CONTRACT_OF_NEWEST = ["access-evasion", "heartbeat", "own-runs", "probe", "roster", "seams"];

/** The files of a release's contract, as vitest's filters. */
function contractOf(version: string): readonly string[] {
  const inGateway = (names: readonly string[]): string[] => names.map((name) => `test/gateway/${name}.test.ts`);
  if (version === PINNED_RELEASES.at(-1)) return [...inGateway(CONTRACT_OF_NEWEST), "test/cli/status.test.ts"];
  return inGateway(capabilities({ version }).bootsFast ? CONTRACT_IF_FAST : CONTRACT);
}

/** 2026.2 boots in seconds: with two files at a time two cores were idle half of the time. */
const WORKERS_IF_FAST = "4";

/** One vitest run; resolves with its exit code. */
async function suite(version: string, name: string | undefined, contractOnly: boolean): Promise<number> {
  const filter = name === undefined ? [] : ["-t", name];
  const projects = contractOnly ? ["gateway", "cli"] : ["gateway", "browser", "faults", "interfaces"];
  const selected = projects.flatMap((project) => ["--project", project]);
  const { bootsFast } = capabilities({ version });
  const workers = bootsFast ? ["--maxWorkers", WORKERS_IF_FAST] : [];
  const files = contractOnly ? contractOf(version) : [];
  const child = spawn("vitest", ["run", ...selected, ...workers, ...filter, ...files], {
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
