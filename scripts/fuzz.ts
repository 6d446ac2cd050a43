/** Hostile clients against the real gateway, with a judge who knows who may see what. */
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Option } from "commander";
import { isolationRegister, withBed } from "../test/support/gateway/bed.ts";
import { connectOfficial, type Endpoint } from "../test/support/wire/clients.ts";
import type { ModelRequest } from "../test/support/gateway/model.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { errorsOf, type GatewayState, stateProbe } from "../test/support/gateway/state.ts";
import { writeArtifact } from "./artifacts.ts";
import { episode, type EpisodeResult } from "./fuzz/episode.ts";
import { jsonOption, parseMinutes, progressOf, releaseOption, runScript, script, wholeNumber } from "./options.ts";

const UINT32 = 2 ** 32;
/** For the messages of those who have gone, which wait for their turn. */
const LEAVE_MS = 120_000;

const command = script(
  "fuzz",
  `Honest clients stream on sessions of a real, protected gateway while hostile ones send random
requests, claims, near misses and garbage. Every event that a hostile client receives is judged by
what it had asked for. Before that, one episode against the control gateway must be found
leaking. In the end the module must not have failed on anything, nor hold anything for clients that
have gone. The result is in artifacts/fuzz.json too, and after a finding the gateway's log and the
requests to its model are in artifacts/fuzz.log.`,
  [
    "no foreign frame, every honest reply whole, nothing left",
    "a finding, with its seed",
    "the fuzzer itself failed, or did not find the control gateway's leak",
  ],
)
  .option("--minutes <n>", "how long", parseMinutes, 1)
  .addOption(
    new Option("--seed <n>", "first seed; each episode uses the next one")
      .default(Math.floor(Math.random() * UINT32), "random")
      .argParser(wholeNumber(0, UINT32 - 1)),
  )
  .option("--episodes <n>", "that many episodes instead, e.g. 1 to replay a seed", wholeNumber(1, UINT32 - 1))
  .addOption(releaseOption("2026.9.6"))
  .option("--preload <file>", "another module instead of the built one, to test the fuzzer with")
  .addOption(jsonOption());

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly episodes?: number;
  readonly release: string;
  readonly preload?: string;
  readonly json?: true;
}

const progress = progressOf("fuzz");

async function main({ seed: first, episodes = Infinity, ...options }: Options): Promise<number> {
  const release = await ensureRelease(options.release);

  const control = await withBed(release, {}, ({ gateway }) => episode(gateway, first, 10));
  if (control.findings.length === 0) throw new Error("the judge found no leak on the control gateway");
  progress(`control gateway, seed ${first}: ${control.findings.length} foreign frames among ${control.events} events`);

  const preload = options.preload === undefined ? isolationRegister() : resolve(options.preload);
  const timeMs = episodes === Infinity ? options.minutes * 60_000 : Infinity;
  const { failed, ...sums } = await protectedRun(release, preload, first, episodes, timeMs);
  const result = { release: release.version, seed: first, control, ...sums, failed };
  await writeArtifact("fuzz.json", result);
  const text = `${sums.episodes} episodes, ${sums.connections} hostile connections, ${sums.requests} requests sent, ${sums.events} events judged: ${sums.rightful} of sessions asked for, ${sums.findings} foreign, ${sums.lost} honest replies not whole`;
  if (options.json) console.log(JSON.stringify(result, undefined, 2));
  else console.log(`OpenClaw ${release.version} with the module, seeds from ${first}: ${text}`);
  for (const each of sums.left) progress(each);
  if (failed) {
    progress(
      `seed ${failed.seed} failed; replay: npm run fuzz -- --release ${release.version} --seed ${failed.seed} --episodes 1${options.preload === undefined ? "" : ` --preload ${options.preload}`}\n${JSON.stringify([failed.findings.slice(0, 5), failed.lost], undefined, 2)}`,
    );
  }
  return failed || sums.left.length > 0 ? 1 : 0;
}

/** Episodes until the time is over or one has failed. */
async function protectedRun(release: Release, preload: string, first: number, wanted: number, timeMs: number) {
  const sums = { episodes: 0, connections: 0, requests: 0, events: 0, rightful: 0, findings: 0, lost: 0 };
  let failed: (EpisodeResult & { seed: number }) | undefined;
  const { env, state } = await stateProbe();
  /** State that the module has not cleaned up although all clients have gone. */
  const left: string[] = [];
  await withBed(release, { preload, env: { ...testVariables(), ...env } }, async ({ gateway, model }) => {
    await warmUp(gateway);
    const until = Date.now() + timeMs;
    while (!failed && sums.episodes < wanted && Date.now() < until) {
      // What the last ones left in the queue would keep these waiting: on a busy machine 2026.5 takes ten seconds a run.
      await whenAllHaveGone(state);
      const seed = (first + sums.episodes) % UINT32;
      const result = await episode(gateway, seed);
      sums.episodes += 1;
      sums.connections += result.connections;
      sums.requests += result.requests;
      sums.events += result.events;
      sums.rightful += result.rightful;
      sums.findings += result.findings.length;
      sums.lost += result.lost.length;
      if (result.findings.length + result.lost.length > 0) {
        failed = { ...result, seed };
        await writeArtifact("fuzz.log", `${gateway.logs()}\n${model.requests.map(lineOf).join("\n")}\n`);
      }
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

function lineOf({ at, id, sentText, done, aborted }: ModelRequest): string {
  const end = done ? "answered" : aborted ? "closed by the gateway" : "not answered yet";
  return `${new Date(at).toISOString()} model request ${id}: ${end}, ${sentText.length} characters sent`;
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

await runScript(command, main);
