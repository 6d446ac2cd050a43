/** Many connections on a control gateway and on one with the module: who gets what, how fast, at what cost. */
import { InvalidArgumentError } from "commander";
import { printTable } from "../bench/report.ts";
import { startTimedModel } from "../bench/timed-model.ts";
import { ensureRelease } from "../test/support/gateway/release.ts";
import { writeArtifact } from "./artifacts.ts";
import { type Loaded, loadedGateway, type Name, type Round } from "./load/gateways.ts";
import { loadPlot } from "./load/plot.ts";
import { findingsOf, type LoadResult, slowRounds, sumOf } from "./load/result.ts";
import { loadTables, roundText } from "./load/text.ts";
import { jsonOption, releaseOption, runScript, script, wholeNumber } from "./options.ts";

const command = script(
  "load",
  `Opens many connections to a real gateway without the module and to one with it, each on a session
of its own. Some of them chat, all at once; every frame of every connection is counted. The gateways
take turns. Then two connections stop reading while others are served.

Writes artifacts/load.json and artifacts/load.svg. The defaults take three to six minutes on two cores.`,
  [
    "with the module no foreign frame and no own frame lost",
    "a finding",
    "could not be measured, or the control gateway did not leak",
  ],
)
  .option("--connections <n>", "to each gateway", wholeNumber(1, 5000), 500)
  .option("--sessions <n>", "of these, that stream at a time", wholeNumber(1, 5000), 50)
  .option("--rounds <n>", "for each gateway", wholeNumber(1, 100), 1)
  .option("--chunks <n>", "of an answer", wholeNumber(1, 1000), 12)
  .option("--delay <ms>", "between two chunks", wholeNumber(1, 60_000), 1000)
  .addOption(releaseOption("2026.9.6"))
  .addOption(jsonOption());

/** Of the rounds with and without slow consumers. */
const FEW = { sessions: 10, chunks: 12, delayMs: 250 };
const BRIEF = { chunks: 2, delayMs: 100 };

interface Options extends Omit<Load, "delayMs"> {
  readonly delay: number;
  readonly release: string;
  readonly json?: true;
}

async function main({ release, json, delay: delayMs, ...load }: Options): Promise<number> {
  if (load.sessions > load.connections) {
    throw new InvalidArgumentError(`--sessions must be at most the ${load.connections} connections`);
  }
  const result = await measure(release, { ...load, delayMs });
  await writeArtifact("load.json", result);
  await writeArtifact("load.svg", loadPlot(result));
  if (json) console.log(JSON.stringify(result, undefined, 2));
  else for (const table of loadTables(result)) printTable(table);
  if (result.gateways.unprotected.counts.foreign === 0) throw new Error("the control gateway did not leak");
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
    return slowRounds(
      without,
      await one(name, "a few sessions, alongside two that stop reading", { ...few, slow: true }),
    );
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

await runScript(command, main);
