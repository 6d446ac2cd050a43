/** Many connections on a gateway as published and on one with the module: who gets what, how fast, at what cost. */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { printTable } from "../bench/report.ts";
import { startTimedModel } from "../bench/timed-model.ts";
import { ensureRelease } from "../test/support/gateway/release.ts";
import { type Loaded, loadedGateway, type Name, type Round } from "./load/gateways.ts";
import { loadPlot } from "./load/plot.ts";
import { findingsOf, type LoadResult, slowRounds, sumOf } from "./load/result.ts";
import { loadTables, roundText } from "./load/text.ts";
import { releaseOption, runScript, scriptOptions, wholeNumber } from "./options.ts";

const HELP = `Usage: npm run load -- [options]

Opens many connections to a real gateway as published and to one with the module, each on a session
of its own. Some of them chat, all at once; every frame of every connection is counted. The gateways
take turns. Then two connections stop reading while others are served.

Options:
  --connections <n>    to each gateway (default: 500)
  --sessions <n>       of these, that stream at a time (default: 50)
  --rounds <n>         for each gateway (default: 1)
  --chunks <n>         of an answer (default: 12)
  --delay <ms>         between two chunks (default: 1000)
  --release <version>  OpenClaw release (default: 2026.9.6)
  --json               print the result as JSON on stdout
  -h, --help           show this help

Writes artifacts/load.json and artifacts/load.svg. The defaults take three to six minutes on two cores.

Exit codes: 0 with the module no foreign frame and no own frame lost; 1 a finding;
            2 could not be measured, or the published gateway did not leak.`;

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));
/** Of the rounds with and without slow consumers. */
const FEW = { sessions: 10, chunks: 12, delayMs: 250 };
const BRIEF = { chunks: 2, delayMs: 100 };

async function main(): Promise<number> {
  const { values } = scriptOptions(HELP, {
    connections: { type: "string", default: "500" },
    sessions: { type: "string", default: "50" },
    rounds: { type: "string", default: "1" },
    chunks: { type: "string", default: "12" },
    delay: { type: "string", default: "1000" },
    release: { type: "string", default: "2026.9.6" },
    json: { type: "boolean", default: false },
  });
  const number = (name: "connections" | "sessions" | "rounds" | "chunks" | "delay", most: number): number =>
    wholeNumber(`--${name}`, values[name], 1, most, HELP);
  const connections = number("connections", 5000);
  const load = {
    connections,
    sessions: number("sessions", connections),
    rounds: number("rounds", 100),
    chunks: number("chunks", 1000),
    delayMs: number("delay", 60_000),
  };
  const result = await measure(releaseOption(values.release, HELP), load);
  await mkdir(ARTIFACTS, { recursive: true });
  await writeFile(`${ARTIFACTS}load.json`, `${JSON.stringify(result, undefined, 2)}\n`);
  await writeFile(`${ARTIFACTS}load.svg`, loadPlot(result));
  if (values.json) console.log(JSON.stringify(result, undefined, 2));
  else for (const table of loadTables(result)) printTable(table);
  if (result.gateways.unprotected.counts.foreign === 0) throw new Error("the gateway as published did not leak");
  for (const finding of result.findings) process.stderr.write(`load: found with the module: ${finding}\n`);
  return result.findings.length === 0 ? 0 : 1;
}

type Load = Pick<LoadResult, "connections" | "sessions" | "rounds" | "chunks" | "delayMs">;

async function measure(version: string, load: Load): Promise<LoadResult> {
  const release = await ensureRelease(version);
  await using stack = new AsyncDisposableStack();
  const model = await startTimedModel();
  stack.defer(() => model.close());
  const both = ["unprotected", "module"] as const;
  progress(`booting both, then ${load.connections} connections to each`);
  const opened = await Promise.allSettled(
    both.map(async (name) => stack.use(await loadedGateway(name, { release, model, ...load }))),
  );
  const [unprotected, module] = opened.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  }) as [Loaded, Loaded];
  const gateways = { unprotected, module };
  const few = { ...FEW, sessions: Math.min(FEW.sessions, load.sessions) };
  const rounds: Record<Name, Round[]> = { unprotected: [], module: [] };
  const one = async (name: Name, what: string, order: Parameters<Loaded["round"]>[0]): Promise<Round> => {
    progress(`${name}: ${what}`);
    const round = await gateways[name].round(order);
    progress(`${name}: ${roundText(round)}`);
    return round;
  };
  // The first runs of a gateway load and compile what all later ones use.
  for (const name of both) await one(name, "warm-up", { ...few, ...BRIEF });
  for (let round = 0; round < load.rounds; round += 1) {
    for (const name of round % 2 === 0 ? both : both.toReversed())
      rounds[name].push(await one(name, `round ${round + 1} of ${load.rounds}`, load));
  }
  const slow = async (name: Name) => {
    const without = await one(name, "a few sessions", few);
    return slowRounds(without, await one(name, "a few sessions, beside two that stop reading", { ...few, slow: true }));
  };
  const found = {
    release: release.version,
    ...load,
    gateways: { unprotected: sumOf(rounds.unprotected), module: sumOf(rounds.module) },
    slow: { unprotected: await slow("unprotected"), module: await slow("module") },
  };
  return { ...found, findings: findingsOf(found) };
}

function progress(message: string): void {
  process.stderr.write(`load: ${process.uptime().toFixed(0).padStart(4)} s  ${message}\n`);
}

await runScript("load", main);
