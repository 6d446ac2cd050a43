/**
 * The demo: one real gateway as published and one with the module, the same four conversations on
 * both, and for each a matrix of whose tokens arrived where.
 */
import { writeFile } from "node:fs/promises";
import { isExcused } from "../src/report/excuses.ts";
import { reportPage } from "../src/report/page.ts";
import { secretFinder } from "../src/report/secrets.ts";
import type { GatewayReport } from "../src/report/shape.ts";
import { isolationRegister, withBed } from "../test/support/gateway/bed.ts";
import { type Client, connectOfficial } from "../test/support/wire/clients.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { wordsOf } from "../test/support/gateway/script.ts";
import { demoReport, gatewayReport } from "./demo-report.ts";
import { type Leaks, matrixTable, verdictOf } from "./leak-matrix.ts";
import { releaseOption, runScript, scriptOptions } from "./options.ts";

const HELP = `Usage: npm run demo -- [options]

Boots a real OpenClaw gateway twice on loopback, without and with the module, streams
replies to four clients on four sessions past a bystander, and prints who saw what.

Options:
  --release <version>  OpenClaw release to run (default: 2026.9.6)
  --json               print the report as JSON on stdout
  --report <file>      write the report as an HTML page
  -h, --help           show this help

Exit codes: 0 the published gateway leaked and the protected one did not and lost nothing;
            1 anything else was observed; 2 the demo itself failed.`;

const NAMES = ["ALICE", "BOB", "CAROL", "DAVE"] as const;
const CHUNKS = 24;
const SETTLE_MS = 1_000;

async function main(): Promise<number> {
  const { values } = scriptOptions(HELP, {
    release: { type: "string", default: "2026.9.6" },
    json: { type: "boolean", default: false },
    report: { type: "string" },
  });
  const release = await ensureRelease(releaseOption(values.release, HELP));
  const startedAt = new Date().toISOString();
  const published = await observe(release, "as published", undefined);
  const isolated = await observe(release, "with the module", isolationRegister());
  const verdict = verdictOf(published.leaks, isolated.leaks);
  const report = demoReport(startedAt, [published.report, isolated.report]);
  if (values.report !== undefined) {
    await writeFile(values.report, reportPage(report));
    progress(`the report is in ${values.report}`);
  }
  if (values.json) console.log(JSON.stringify(report, undefined, 2));
  else {
    console.log(`\nOpenClaw ${release.version} as published\n${matrixTable(published.leaks)}`);
    console.log(`\nOpenClaw ${release.version} with openclaw-event-isolation\n${matrixTable(isolated.leaks)}`);
    console.log(`\n${verdict.ok ? "OK" : "NOT OK"}: ${verdict.text}`);
  }
  return verdict.ok ? 0 : 1;
}

/** Four conversations at once and a bystander; counts each sender's tokens at each receiver. */
async function observe(
  release: Release,
  label: string,
  preload: string | undefined,
): Promise<{ leaks: Leaks; report: GatewayReport }> {
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
          token: `${name}-0`,
          runId: runIds[index]!,
        })),
        receivers,
      });
      const seen = receivers.map(([, client]) => seenAt(client));
      const leaks: Leaks = {
        senders: [...NAMES],
        receivers: receivers.map(([name]) => name),
        chunks: CHUNKS,
        tokens: NAMES.map((_, sender) => seen.map((each) => each.tokens[sender]!)),
        frames: NAMES.map((_, sender) => seen.map((each) => each.frames[sender]!)),
        complete,
      };
      return { leaks, report };
    } finally {
      clearInterval(ticker);
      await Promise.allSettled(receivers.map(([, client]) => client.close()));
    }
  });
}

function sessionKeyOf(name: string): string {
  return `agent:main:${name.toLowerCase()}`;
}

/** What tells a sender's session: its key and every token of its reply. */
const FINDER = secretFinder<"session key" | "text">(
  NAMES.flatMap((name, session) => [
    { session, kind: "session key", text: sessionKeyOf(name) } as const,
    ...Array.from({ length: CHUNKS }, (_, at) => ({ session, kind: "text", text: `${name}-${at}` }) as const),
  ]),
);

/** By sender, how many of its tokens a client has seen, and in how many frames something of its session was. */
function seenAt(client: Client): { tokens: number[]; frames: number[] } {
  const tokens = NAMES.map(() => new Set<string>());
  const frames = NAMES.map(() => 0);
  for (const { event, json } of client.frames) {
    if (FINDER.inText(json).size === 0) continue;
    const traces = FINDER.inValue(JSON.parse(json)).filter((trace) => !isExcused(event, trace));
    for (const { session, kind, text } of traces) if (kind === "text") tokens[session]!.add(text);
    for (const session of new Set(traces.map((trace) => trace.session))) frames[session]! += 1;
  }
  return { tokens: tokens.map(({ size }) => size), frames };
}

function frameCounts(receivers: readonly [string, Client][]): string {
  return receivers.map(([name, client]) => `${name} ${client.frames.length}`).join(", ") + " events";
}

function progress(message: string): void {
  process.stderr.write(`demo: ${message}\n`);
}

await runScript("demo", main);
