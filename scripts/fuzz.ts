/** Hostile clients against the real gateway, with a judge who knows who may see what. */
import { mkdir, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isolationRegister, withBed } from "../test/support/gateway/bed.ts";
import { connectOfficial, type Endpoint } from "../test/support/wire/clients.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { errorsOf, type GatewayState, stateProbe } from "../test/support/gateway/state.ts";
import { episode, type EpisodeResult } from "./fuzz/episode.ts";
import { releaseOption, runScript, scriptOptions, wholeNumber, wrongUsage } from "./options.ts";

const HELP = `Usage: npm run fuzz -- [options]

Honest clients stream on sessions of a real, protected gateway while hostile ones send random
requests, claims, near misses and garbage. Every event that a hostile client receives is judged
by what it had asked for. Before that, one episode against the gateway as published has to be
found leaking. In the end the module must not have failed on anything, nor hold anything for
clients that have gone.

Options:
  --minutes <n>        how long (default: 1)
  --seed <n>           first seed (default: random); each episode uses the next one
  --episodes <n>       that many episodes instead, e.g. 1 to replay a seed
  --release <version>  OpenClaw release (default: 2026.9.6)
  --preload <file>     another module in place of the built one, to test the fuzzer with
  --json               print the result as JSON on stdout, which is also in artifacts/fuzz.json
  -h, --help           show this help

Exit codes: 0 no foreign frame, every honest reply whole, nothing left; 1 a finding, with its seed;
            2 the fuzzer itself failed, or did not find the published gateway's leak.`;

const UINT32 = 2 ** 32;
/** For the messages of those who have gone, which wait for their turn. */
const LEAVE_MS = 120_000;

async function main(): Promise<number> {
  const { values } = scriptOptions(HELP, {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Math.floor(Math.random() * UINT32)) },
    episodes: { type: "string" },
    release: { type: "string", default: "2026.9.6" },
    preload: { type: "string" },
    json: { type: "boolean", default: false },
  });
  const first = wholeNumber("--seed", values.seed, 0, UINT32 - 1, HELP);
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) wrongUsage(`--minutes has to be more than 0, not "${values.minutes}"`, HELP);
  const wanted =
    values.episodes === undefined ? Infinity : wholeNumber("--episodes", values.episodes, 1, UINT32 - 1, HELP);
  const release = await ensureRelease(releaseOption(values.release, HELP));

  const control = await withBed(release, {}, ({ gateway }) => episode(gateway, first, 10));
  if (control.findings.length === 0) throw new Error("the judge found no leak on the gateway as published");
  progress(`as published, seed ${first}: ${control.findings.length} foreign frames among ${control.events} events`);

  const preload = values.preload === undefined ? isolationRegister() : resolve(values.preload);
  const timeMs = wanted === Infinity ? minutes * 60_000 : Infinity;
  const { failed, ...sums } = await protectedRun(release, preload, first, wanted, timeMs);
  const result = { release: release.version, seed: first, control, ...sums, failed };
  await mkdir("artifacts", { recursive: true });
  await writeFile("artifacts/fuzz.json", `${JSON.stringify(result, undefined, 2)}\n`);
  const text = `${sums.episodes} episodes, ${sums.connections} hostile connections, ${sums.requests} requests sent, ${sums.events} events judged: ${sums.rightful} of sessions asked for, ${sums.findings} foreign, ${sums.lost} honest replies not whole`;
  if (values.json) console.log(JSON.stringify(result, undefined, 2));
  else console.log(`OpenClaw ${release.version} with the module, seeds from ${first}: ${text}`);
  for (const each of sums.left) process.stderr.write(`fuzz: ${each}\n`);
  if (failed) {
    process.stderr.write(
      `fuzz: seed ${failed.seed} failed; replay: npm run fuzz -- --release ${release.version} --seed ${failed.seed} --episodes 1${values.preload === undefined ? "" : ` --preload ${values.preload}`}\n${JSON.stringify([failed.findings.slice(0, 5), failed.lost], undefined, 2)}\n`,
    );
  }
  return failed || sums.left.length > 0 ? 1 : 0;
}

/** Episodes until the time is over or one has failed. */
async function protectedRun(release: Release, preload: string, first: number, wanted: number, timeMs: number) {
  const sums = { episodes: 0, connections: 0, requests: 0, events: 0, rightful: 0, findings: 0, lost: 0 };
  let failed: (EpisodeResult & { seed: number }) | undefined;
  const { env, state } = await stateProbe();
  /** What the module has to answer for when all clients have gone. */
  const left: string[] = [];
  await withBed(release, { preload, env: { ...testVariables(), ...env } }, async ({ gateway }) => {
    await warmUp(gateway);
    const until = Date.now() + timeMs;
    while (!failed && sums.episodes < wanted && Date.now() < until) {
      const seed = (first + sums.episodes) % UINT32;
      const result = await episode(gateway, seed);
      sums.episodes += 1;
      sums.connections += result.connections;
      sums.requests += result.requests;
      sums.events += result.events;
      sums.rightful += result.rightful;
      sums.findings += result.findings.length;
      sums.lost += result.lost.length;
      if (result.findings.length + result.lost.length > 0) failed = { ...result, seed };
      progress(
        `seed ${seed}: ${result.requests} requests, ${result.events} events, ${result.rightful} asked for, ${result.findings.length} foreign`,
      );
    }
    const end = await whenAllHaveGone(state);
    for (const [what, count] of Object.entries(heldBy(end)))
      if (count > 0) left.push(`${count} ${what} left when everybody had gone`);
    for (const [event, count] of Object.entries(errorsOf(end)))
      left.push(`the module failed ${count} times on ${event}`);
  });
  return { ...sums, left, failed };
}

/** A gateway's first run loads and compiles what all later ones use. */
async function warmUp(gateway: Endpoint): Promise<void> {
  const client = await connectOfficial(gateway, { name: "first" });
  await client.final((await client.chat("agent:main:first", "[[say id=FIRST n=2]]")).runId);
  await client.close();
}

/** What the module holds of connections and their runs. */
function heldBy({ gateway, heartbeats }: GatewayState): Record<"connections" | "claims" | "held" | "runs", number> {
  const { connections = 0, claims = 0, held = 0 } = gateway ?? {};
  return { connections, claims, held, runs: heartbeats?.runs ?? 0 };
}

/** The state once nothing is held any more, or when that takes too long. Messages that were sent are still answered. */
async function whenAllHaveGone(state: () => Promise<GatewayState>): Promise<GatewayState> {
  for (const until = Date.now() + LEAVE_MS; ; await sleep(500)) {
    const now = await state();
    if (Date.now() > until || Object.values(heldBy(now)).every((count) => count === 0)) return now;
  }
}

/** For modules with a defect: see test/support/fault/broken-policy.ts. */
function testVariables(): Record<string, string> {
  const { OPENCLAW_TEST_DEFECT: defect } = process.env;
  return defect === undefined ? {} : { OPENCLAW_TEST_DEFECT: defect };
}

function progress(message: string): void {
  process.stderr.write(`fuzz: ${message}\n`);
}

await runScript("fuzz", main);
