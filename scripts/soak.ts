/** A crowd on a protected and on an unprotected gateway for a long time: does anything grow, does anything stay? */
import { setTimeout as sleep } from "node:timers/promises";
import { Option } from "commander";
import { isolationRegister, type OpenBed, openBed } from "../test/support/gateway/bed.ts";
import { HEARTBEATS_ON } from "../test/support/scene/heartbeat-scene.ts";
import { ensureRelease } from "../test/support/gateway/release.ts";
import { errorsOf, type GatewayState, type StateProbe, stateProbe } from "../test/support/gateway/state.ts";
import { writeArtifact } from "./artifacts.ts";
import { jsonOption, parseMinutes, progressOf, releaseOption, runScript, script, wholeNumber } from "./options.ts";
import { type Crowd, crowd } from "./soak/crowd.ts";
import { heapPlot } from "./soak/plot.ts";
import { differenceOf, type Slope, slopeOf } from "./soak/slope.ts";

const MB = 1024 * 1024;
const NOISE_MB = 2;
/** For what is under way when everybody has left. 2026.9 tries a heartbeat again after a minute. */
const LEAVE_MS = 90_000;

const command = script(
  "soak",
  `The same crowd on two gateways at once, one with the module and one without it: clients connect,
chat, subscribe and leave, look into each other's sessions, delete sessions, disconnect or vanish, and
heartbeats are woken. Now and then both collect their garbage and report the size of their heaps, and
the module what it holds. In the end everybody leaves, and nothing may be held any more.

The growth of the heap is a line by least squares, the first quarter left out. The growth of
the control gateway is subtracted: a finding is a difference that is three times its standard error
and more than ${NOISE_MB} MB over the run. The result is in artifacts/soak.json too.`,
  ["all went back to nothing, and the module adds no growth", "a finding", "the soak itself failed"],
)
  .option("--minutes <n>", "how long", parseMinutes, 30)
  .option("--clients <n>", "how many clients at a time on each gateway", wholeNumber(1, 1000), 8)
  .addOption(
    new Option("--seed <n>", "what the crowd does follows from it")
      .default(Math.floor(Math.random() * 2 ** 31), "random")
      .argParser(wholeNumber(-(2 ** 53), 2 ** 53)),
  )
  .addOption(releaseOption("2026.9.6"))
  .addOption(jsonOption());

interface Options {
  readonly minutes: number;
  readonly clients: number;
  readonly seed: number;
  readonly release: string;
  readonly json?: true;
}

const progress = progressOf("soak");

interface Gateway {
  readonly name: "with the module" | "without the module";
  readonly bed: OpenBed;
  readonly probe: StateProbe;
  readonly crowd: Crowd;
  readonly samples: { minutes: number; state: GatewayState }[];
}

async function main(options: Options): Promise<number> {
  const { minutes, clients, seed } = options;
  const release = await ensureRelease(options.release);
  progress(`OpenClaw ${release.version}, ${minutes} min, ${clients} clients on each gateway, seed ${seed}`);

  await using stack = new AsyncDisposableStack();
  const open = async (name: Gateway["name"]): Promise<Omit<Gateway, "crowd">> => {
    const probe = await stateProbe();
    const preload = name === "with the module" ? { preload: isolationRegister() } : {};
    const bed = await openBed(release, { ...preload, env: probe.env, config: HEARTBEATS_ON });
    stack.defer(() => bed.close());
    return { name, bed, probe, samples: [] };
  };
  const opened = [await open("with the module"), await open("without the module")];
  const gateways: readonly Gateway[] = opened.map((each) => ({ ...each, crowd: crowd(each.bed, clients, seed) }));
  await soak(gateways, minutes);
  await Promise.all(gateways.map((each) => each.crowd.leave()));
  const left = await whatIsLeft(gateways[0]!);
  for (const each of gateways) await sample(each, minutes);
  return await report(options, gateways, left);
}

/** Takes samples until the time is over. */
async function soak(gateways: readonly Gateway[], minutes: number): Promise<void> {
  const from = performance.now();
  const everyMs = Math.min(Math.max((minutes * 60_000) / 60, 3_000), 30_000);
  for (let next = 0; next <= minutes * 60_000; next += everyMs) {
    await sleep(Math.max(0, from + next - performance.now()));
    for (const each of gateways) await sample(each, (performance.now() - from) / 60_000);
  }
}

async function sample({ name, probe, samples, crowd: { replies } }: Gateway, minutes: number): Promise<void> {
  const state = await probe.state();
  samples.push({ minutes, state });
  const { gateway, heartbeats } = state;
  const held = gateway
    ? `; ${gateway.connections} connections, ${gateway.claims} claims, ${gateway.held} held, ${heartbeats?.runs} runs, ${heartbeats?.deferred} deferred`
    : "";
  progress(`${minutes.toFixed(1)} min, ${name}: ${(state.heap / MB).toFixed(1)} MB, ${replies} replies${held}`);
}

/** Waits until the module holds nothing any more; what it still holds then. */
async function whatIsLeft({ probe }: Gateway): Promise<Readonly<Record<string, number>>> {
  for (const until = performance.now() + LEAVE_MS; ; await sleep(1_000)) {
    const { gateway, heartbeats } = await probe.state();
    const { connections = -1, claims = -1, sessions = -1, roster = -1, held = -1 } = gateway ?? {};
    const left = { connections, claims, sessions, roster, held, runs: heartbeats?.runs ?? -1 };
    const kept = Object.fromEntries(Object.entries(left).filter(([, count]) => count !== 0));
    if (Object.keys(kept).length === 0 || performance.now() > until) return kept;
  }
}

async function report(
  { release, seed, minutes, clients, json }: Options,
  gateways: readonly Gateway[],
  left: Readonly<Record<string, number>>,
): Promise<number> {
  const [protectedOne, published] = [reportOf(gateways[0]!, minutes), reportOf(gateways[1]!, minutes)];
  const added = differenceOf(protectedOne.slope, published.slope);
  const errors = errorsOf(gateways[0]!.samples.at(-1)!.state);
  const findings = [
    ...Object.entries(left).map(([what, count]) => `${count} ${what} left when everybody had gone`),
    ...Object.entries(errors).map(([event, count]) => `the module failed ${count} times on ${event}`),
    // Releases have failures of their own, which the same crowd meets on both.
    ...(protectedOne.failures.length > 2 * published.failures.length + 2
      ? protectedOne.failures.slice(0, 5).map((failure) => `a client of the protected gateway: ${failure}`)
      : []),
    ...(added.perUnit > 3 * added.error && (added.perUnit * minutes) / 60 > NOISE_MB
      ? [`the module's gateway grows by ${shown(added)} MB/hour more`]
      : []),
  ];
  const result = {
    release,
    seed,
    minutes,
    clients,
    gateways: [protectedOne, published],
    added,
    left,
    errors,
    findings,
  };
  await writeArtifact("soak.json", result);
  const curves = [
    { ...protectedOne, colour: "#0a6e4f" },
    { ...published, colour: "#b3541e" },
  ];
  await writeArtifact("soak.svg", heapPlot(`Heap after garbage collection, OpenClaw ${release}`, curves));
  if (json) console.log(JSON.stringify(result, undefined, 2));
  else {
    for (const { name, connected, replies, failures, startMb, endMb, slope } of result.gateways) {
      console.log(
        `${name}: ${connected} connections, ${replies} replies, ${failures.length} failures; heap ${startMb.toFixed(1)} MB at the start, ${endMb.toFixed(1)} MB when all had left, slope ${shown(slope)} MB/hour`,
      );
    }
    console.log(`added by the module: ${shown(added)} MB/hour; held in the end: ${JSON.stringify(left)}`);
    for (const finding of findings) console.log(`FINDING: ${finding}`);
  }
  return findings.length > 0 ? 1 : 0;
}

interface GatewayReport {
  readonly name: string;
  readonly connected: number;
  readonly replies: number;
  readonly failures: readonly string[];
  readonly startMb: number;
  readonly endMb: number;
  /** Megabytes an hour. */
  readonly slope: Slope;
  readonly points: readonly (readonly [number, number])[];
}

function reportOf({ name, samples, crowd: { connected, replies, failures } }: Gateway, minutes: number): GatewayReport {
  const points = samples.map(({ minutes: at, state }) => [at, state.heap / MB] as const);
  // Without the warm-up, and without the last one, when everybody had gone.
  const settled = points.slice(0, -1).filter(([at]) => at >= minutes / 4);
  const slope = slopeOf(settled.map(([at, heap]) => [at / 60, heap]));
  return { name, connected, replies, failures, startMb: points[0]![1], endMb: points.at(-1)![1], slope, points };
}

function shown({ perUnit, error }: Slope): string {
  return `${perUnit.toFixed(1)} ± ${error.toFixed(1)}`;
}

await runScript(command, main);
