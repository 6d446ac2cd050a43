/**
 * Benchmarks of the module against gateways without it. Everything is a ratio, measured side by
 * side: no number here depends on how fast the machine is.
 */
import { cpus, loadavg, totalmem } from "node:os";
import { InvalidArgumentError, Option } from "commander";
import { writeArtifact } from "../scripts/artifacts.ts";
import { runScript, script } from "../scripts/options.ts";
import { benchBoot } from "./boot.ts";
import { benchBroadcaster } from "./broadcaster.ts";
import { benchClient } from "./client.ts";
import { benchDecision } from "./decision.ts";
import { benchFanOut } from "./fan-out.ts";
import { benchHeartbeat } from "./heartbeat.ts";
import { benchScale } from "./scale.ts";
import { type Options, type Part, type PartId, printPart, progress, targetLine } from "./report.ts";

const PARTS: Readonly<Record<PartId, (options: Options) => Promise<Part>>> = {
  a: benchDecision,
  b: benchBroadcaster,
  c: benchFanOut,
  d: benchBoot,
  e: benchHeartbeat,
  f: benchScale,
  client: benchClient,
};

const IDS = Object.keys(PARTS) as PartId[];

const command = script(
  "bench",
  `Measures the module against gateways without it, side by side. Needs a build (npm run build). Writes artifacts/bench.json.`,
  ["all targets met", "a target missed", "wrong usage, or it could not be measured"],
)
  .addOption(new Option("--only <parts>", "parts to run, e.g. a,f").default(IDS, "all").argParser(partsOf))
  .option("--quick", "fewer rounds, and part f on 2026.9.6 only, for CI")
  .option("--compact", "for CI: parts a, b and f as far as noise does not move them")
  .addHelpText(
    "after",
    `
Parts:
  a  decision about one event, at 1 to 10,000 connections
  b  the gateway's own broadcaster of 2026.9.6, 2026.5.7 and 2026.2.9, with and without the module
  c  40 clients on 40 sessions of a booted 2026.9.6: frames, bytes, leaks, latency, CPU
  d  boot time of 2026.9.6 with and without the module
  e  a user's reply with heartbeats and the module, on 2026.2.9, 2026.5.7, 2026.6.11 and 2026.9.6
  f  1,000 to 10,000 connections and sessions: cost of an event, heap of a connection and of a claim
  client  the scoped client against the official client alone: CPU per frame, memory`,
  );

const COMPACT: ReadonlySet<PartId> = new Set(["a", "b", "f"]);

interface Asked {
  readonly only: readonly PartId[];
  readonly quick?: true;
  readonly compact?: true;
}

async function main({ only, quick, compact }: Asked): Promise<number> {
  const parts: Part[] = [];
  const load = [loadOfNow()];
  console.log(machine());
  for (const id of compact ? only.filter((each) => COMPACT.has(each)) : only) {
    progress(`part ${id}`);
    const part = await PARTS[id]({ quick: Boolean(quick), compact: Boolean(compact) });
    printPart(part);
    parts.push(part);
    load.push(loadOfNow());
  }
  console.log(`\nload of the machine at the start and after each part: ${load.join(", ")}`);
  await writeArtifact("bench.json", { ...conditions(Boolean(quick), Boolean(compact)), load, parts });
  const targets = parts.flatMap((part) => part.targets);
  const missed = targets.filter((target) => !target.met);
  console.log(`\n${targets.length - missed.length} of ${targets.length} targets met`);
  for (const target of missed) console.log(targetLine(target));
  return missed.length === 0 ? 0 : 1;
}

function partsOf(only: string): PartId[] {
  const asked = only.split(",").map((id) => id.trim());
  const unknown = asked.filter((id) => !Object.hasOwn(PARTS, id));
  if (unknown.length > 0) throw new InvalidArgumentError(`Expected some of ${IDS.join(",")}.`);
  return IDS.filter((id) => asked.includes(id));
}

function conditions(quick: boolean, compact: boolean): object {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const own = { date: new Date().toISOString(), node: process.version, quick, compact };
  return {
    ...own,
    platform: `${process.platform} ${process.arch}`,
    cpus: cpus().length,
    cpu: cpus()[0]?.model,
    gigabytes,
  };
}

function machine(): string {
  const { model = "unknown CPU" } = cpus()[0] ?? {};
  return `${cpus().length} x ${model}, ${process.platform} ${process.arch}, Node.js ${process.version}`;
}

/** Programs that want to run, on average of the last minute. */
function loadOfNow(): number {
  return Number(loadavg()[0]!.toFixed(2));
}

await runScript(command, main);
