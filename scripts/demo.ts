/**
 * The demo: one real gateway without the module and one with it, the same four conversations on
 * both, and for each a matrix of whose frames arrived where.
 */
import { writeFile } from "node:fs/promises";
import { reportPage } from "../src/report/page.ts";
import type { GatewayReport } from "../src/report/shape.ts";
import { matrixText } from "../src/report/text.ts";
import { isolationRegister, withBed } from "../test/support/gateway/bed.ts";
import { type Client, connectOfficial } from "../test/support/wire/clients.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { wordsOf } from "../test/support/gateway/script.ts";
import { demoPicture } from "./demo-picture.ts";
import { demoReport, gatewayReport } from "./demo-report.ts";
import { jsonOption, progressOf, releaseOption, runScript, script } from "./options.ts";

const command = script(
  "demo",
  `Boots a real OpenClaw gateway twice on loopback, without and with the module, streams replies to four
clients on four sessions past a bystander, and prints who received whose frames.`,
  [
    "the control gateway leaked and the protected one did not and lost nothing",
    "anything else was observed",
    "the demo itself failed",
  ],
)
  .addOption(releaseOption("2026.9.6"))
  .addOption(jsonOption("the report"))
  .option("--report <file>", "write the report as an HTML page")
  .option("--picture <file>", "write both matrices as an SVG picture");

const progress = progressOf("demo");
const NAMES = ["ALICE", "BOB", "CAROL", "DAVE"] as const;
const CHUNKS = 24;
const SETTLE_MS = 1_000;

interface Observed {
  readonly report: GatewayReport;
  /** Whether each sender's reply came to it as the model sent it. */
  readonly complete: boolean;
}

async function main(options: { release: string; json?: true; report?: string; picture?: string }): Promise<number> {
  const release = await ensureRelease(options.release);
  const startedAt = new Date().toISOString();
  const published = await observe(release, "without the module", undefined);
  const isolated = await observe(release, "with the module", isolationRegister());
  const report = demoReport(startedAt, [published.report, isolated.report]);
  if (options.report !== undefined) {
    await writeFile(options.report, reportPage(report));
    progress(`the report is in ${options.report}`);
  }
  if (options.picture !== undefined) {
    await writeFile(options.picture, demoPicture(report.gateways));
    progress(`the picture is in ${options.picture}`);
  }
  const ok = published.report.verdict === "leak" && isolated.report.verdict === "no leak" && isolated.complete;
  if (options.json) console.log(JSON.stringify(report, undefined, 2));
  else {
    for (const { report: gateway, complete } of [published, isolated]) {
      console.log(`\n${gateway.label}\n${matrixText(gateway)}`);
      console.log(complete ? "  every reply complete" : "  NOT every reply complete");
    }
    console.log(`\n${ok ? "OK" : "NOT OK"}: ${report.summary}`);
  }
  return ok ? 0 : 1;
}

/** Four conversations at once and a bystander. */
async function observe(release: Release, label: string, preload: string | undefined): Promise<Observed> {
  progress(`${label}: booting OpenClaw ${release.version} …`);
  return withBed(release, preload ? { preload } : {}, async ({ gateway }) => {
    progress(`${label}: ready after ${(gateway.bootMs / 1000).toFixed(1)} s, streaming ${NAMES.length} replies`);
    const receivers: [string, Client][] = [];
    for (const name of [...NAMES, "bystander"]) receivers.push([name, await connectOfficial(gateway, { name })]);
    const startedAt = Date.now();
    const runIds: string[] = [];
    const ticker = setInterval(() => progress(`${label}: ${frameCounts(receivers)}`), 1_000);
    try {
      const talking = receivers.slice(0, NAMES.length).map(async ([name, client], index) => {
        const { runId } = await client.chat(sessionKeyOf(name), `[[say id=${name} n=${CHUNKS} delay=60]]`);
        runIds[index] = runId;
        await client.final(runId, 60_000);
        return client.text(runId) === wordsOf(name, CHUNKS).join("");
      });
      const complete = await Promise.all(talking);
      // A frame on its way to the wrong client would still come.
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      progress(`${label}: ${frameCounts(receivers)}`);
      const report = gatewayReport({
        label: `OpenClaw ${release.version} ${label}`,
        release: release.version,
        startedAt,
        senders: NAMES.map((name, index) => ({
          name,
          key: sessionKeyOf(name),
          tokens: Array.from({ length: CHUNKS }, (_, at) => `${name}-${at}`),
          runId: runIds[index]!,
        })),
        receivers,
      });
      return { report, complete: complete.every(Boolean) };
    } finally {
      clearInterval(ticker);
      await Promise.allSettled(receivers.map(([, client]) => client.close()));
    }
  });
}

function sessionKeyOf(name: string): string {
  return `agent:main:${name.toLowerCase()}`;
}

function frameCounts(receivers: readonly [string, Client][]): string {
  return receivers.map(([name, client]) => `${name} ${client.frames.length}`).join(", ") + " events";
}

await runScript(command, main);
