/** `probe`: a black-box test of any running gateway: who gets whose frames? */
import { open, rm, writeFile } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import { reportPage } from "../report/page.ts";
import { type ProbeReport, REPORT_VERSION } from "../report/shape.ts";
import { gatewayText, summaryOf } from "../report/text.ts";
import { EXIT, Failure, oneLine } from "./failure.ts";
import { probeGateway } from "./probe-run.ts";
import { gatewayTarget } from "./gateway-target.ts";
import { addTokenOptions, type TokenOptions } from "./token.ts";
import { MESSAGES } from "./messages.ts";

interface Options extends TokenOptions {
  readonly allowRuns?: true;
  readonly allowCron?: true;
  readonly agent: string;
  readonly message: string;
  readonly timeout: number;
  readonly seconds: number;
  readonly tlsFingerprint?: string;
  readonly json?: true;
  readonly report?: string;
}

const EXIT_OF = { "no leak": EXIT.ok, leak: EXIT.found, inconclusive: EXIT.failed } as const;

const MESSAGE = "This is a test of message delivery. Answer with this one word and nothing else: {token}";

const NOTES = `
Without --allow-runs, probe only listens: it can find a leak, but never rule one out.
With --allow-runs, two senders send two short messages each in temporary sessions: four runs of
the agent, with the gateway's own model. If the release supports it, the last run is in a session
that has another session as its parent. Afterwards probe deletes the sessions (operator.admin).
--allow-cron adds a cron job, runs it once and removes it: one more run, delivered to no channel.

Exit codes: 0 no leak; 1 leak; 2 inconclusive, or the test could not be made.`;

/** Makes the subcommand. */
export function probeCommand(): Command {
  const command = new Command("probe")
    .summary("test a running gateway: who gets whose frames?")
    .description("Tests a running gateway from outside: who gets whose frames?")
    .argument(
      "[url]",
      "the gateway, ws://host:port or wss://host:port (default: the local one of OpenClaw's configuration)",
    )
    .option("--allow-runs", "create temporary sessions and run four short messages in them")
    .option("--allow-cron", "with --allow-runs: also run a temporary cron job")
    .option("--agent <id>", "agent that runs the messages", agentId, "main")
    .option("--message <text>", "message to send; {token} stands for a word that occurs nowhere else", MESSAGE)
    .option("--timeout <seconds>", "how long one run may take", seconds, 60)
    .option("--seconds <n>", "how long to listen without --allow-runs", seconds, 30)
    .option(
      "--tls-fingerprint <sha256>",
      "fingerprint of a wss:// gateway's certificate that no known authority signed",
    )
    .option("--json", "print the report as JSON")
    .option("--report <file>", "write the report as an HTML page")
    .addHelpText("after", NOTES)
    .action(run);
  return addTokenOptions(command);
}

async function run(asked: string | undefined, options: Options): Promise<void> {
  if (!options.message.includes("{token}")) throw new Failure(MESSAGES.noTokenWord);
  if (options.allowCron && !options.allowRuns) throw new Failure(MESSAGES.cronWithoutRuns);
  const { url, token } = await gatewayTarget(
    { ...options, ...(asked === undefined ? {} : { url: asked }) },
    process.env,
  );
  if (options.report !== undefined) await checkWritable(options.report);
  const interrupt = new AbortController();
  const stop = (): void => {
    progress("interrupted: cleaning up");
    interrupt.abort();
  };
  // Once: a second signal ends the process without cleaning up.
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const startedAt = new Date().toISOString();
    const gateway = await probeGateway({
      url,
      token,
      tlsFingerprint: options.tlsFingerprint,
      allowRuns: options.allowRuns === true,
      allowCron: options.allowCron === true,
      agent: options.agent,
      message: options.message,
      runTimeoutMs: options.timeout * 1_000,
      seconds: options.seconds,
      signal: interrupt.signal,
      progress,
    });
    const report: ProbeReport = {
      kind: "openclaw-event-isolation/report",
      version: REPORT_VERSION,
      made: "probe",
      startedAt,
      summary: summaryOf([gateway]),
      gateways: [gateway],
    };
    if (options.report !== undefined) {
      await writeFile(options.report, reportPage(report));
      progress(`report written to ${options.report}`);
    }
    process.stdout.write(`${options.json ? JSON.stringify(report, undefined, 2) : gatewayText(gateway)}\n`);
    process.exitCode = EXIT_OF[gateway.verdict];
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/**
 * Checks before anything runs, so that an unwritable report does not waste the runs. Leaves an earlier report alone
 * for now.
 */
async function checkWritable(file: string): Promise<void> {
  try {
    const handle = await open(file, "a");
    const { size } = await handle.stat().finally(() => handle.close());
    if (size === 0) await rm(file);
  } catch (cause) {
    throw new Failure(MESSAGES.reportUnwritable(oneLine((cause as Error).message)), { cause });
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 1 && value <= 3_600) return value;
  throw new InvalidArgumentError("Expected a number of seconds between 1 and 3600.");
}

function agentId(text: string): string {
  // As OpenClaw writes them; anything else would end up in another session's key.
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError("Expected an agent id: letters, digits, - and _ only.");
}

function progress(message: string): void {
  process.stderr.write(`probe: ${message}\n`);
}
