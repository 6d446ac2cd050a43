/**
 * Benchmarks of the module against gateways without it. Everything is a ratio, measured side by
 * side: no number here depends on how fast the machine is.
 *
 *   npm run build && npm run bench -- [--only a,b,c,d,e,f,client] [--quick]
 */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benchBoot } from "./boot.ts";
import { benchBroadcaster } from "./broadcaster.ts";
import { benchClient } from "./client.ts";
import { benchDecision } from "./decision.ts";
import { benchFanOut } from "./fan-out.ts";
import { benchHeartbeat } from "./heartbeat.ts";
import { benchScale } from "./scale.ts";
import { type Options, type Part, type PartId, printPart, progress, targetLine } from "./report.ts";

const HELP = `usage: npm run bench -- [--only a,b,c,d,e,f,client] [--quick]

  a  decision about one event, at 1 to 10,000 connections
  b  the gateway's own broadcaster of 2026.9.6 and 2026.5.7, with and without the module
  c  40 clients on 40 sessions of a booted 2026.9.6: frames, bytes, leaks, latency, CPU
  d  boot time of 2026.9.6 with and without the module
  e  a user's reply with heartbeats and the module, on 2026.2.9, 2026.5.7 and 2026.9.6
  f  1,000 to 10,000 connections and sessions: cost of an event, heap of a connection and of a claim
  client  the scoped client against the official client alone: CPU per frame, memory

  --only   parts to run, all by default
  --quick  fewer rounds, and part f on 2026.9.6 only, for CI
  --help   this text

Needs a build (npm run build). Writes artifacts/bench.json.
Exit code: 0 all targets met, 1 a target missed, 2 could not measure.
`;

const PARTS: Readonly<Record<PartId, (options: Options) => Promise<Part>>> = {
  a: benchDecision,
  b: benchBroadcaster,
  c: benchFanOut,
  d: benchBoot,
  e: benchHeartbeat,
  f: benchScale,
  client: benchClient,
};

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const parts: Part[] = [];
  for (const id of partsOf(values.only)) {
    progress(`part ${id}`);
    const part = await PARTS[id]({ quick: values.quick });
    printPart(part);
    parts.push(part);
  }
  await mkdir(ARTIFACTS, { recursive: true });
  await writeFile(`${ARTIFACTS}bench.json`, `${JSON.stringify({ ...conditions(values.quick), parts }, null, 2)}\n`);
  const targets = parts.flatMap((part) => part.targets);
  const missed = targets.filter((target) => !target.met);
  console.log(`\n${targets.length - missed.length} of ${targets.length} targets met`);
  for (const target of missed) console.log(targetLine(target));
  return missed.length === 0 ? 0 : 1;
}

function partsOf(only: string | undefined): PartId[] {
  const all = Object.keys(PARTS) as PartId[];
  if (only === undefined) return all;
  const asked = only.split(",").map((id) => id.trim());
  const unknown = asked.filter((id) => !Object.hasOwn(PARTS, id));
  if (unknown.length > 0) throw new Error(`unknown part "${unknown.join(", ")}" (known: ${all.join(", ")})`);
  return all.filter((id) => asked.includes(id));
}

function conditions(quick: boolean): object {
  return { date: new Date().toISOString(), node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model, quick };
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
