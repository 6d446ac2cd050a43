/** `status`: what the module does in a running gateway. */
import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { RequestError } from "./connect.ts";
import { EXIT, Failure } from "./failure.ts";
import {
  addGatewayOptions,
  askGateway,
  type GatewayOptions,
  type GatewayTarget,
  gatewayTarget,
} from "./gateway-target.ts";
import { type IsolationStatus, STATUS_METHOD, statusText } from "./isolation-status.ts";

interface Options extends GatewayOptions {
  readonly watch?: number | true;
  readonly json?: boolean;
}

const WATCH_S = 2;

export function statusSubcommand(): Command {
  const command = new Command("status")
    .summary("show what the module does in a running gateway")
    .description(
      `Asks a running gateway for ${STATUS_METHOD}: what is attached, connections, claims, and what became of events by event and reason. It shows no content. The method comes with the OpenClaw plugin of this package.\n\nExit codes: 0 attached; 1 not attached; 2 the gateway could not be asked.`,
    )
    .option("--watch [seconds]", `ask again and again (every ${WATCH_S} s unless given)`, seconds)
    .option("--json", "print the gateway's answer as JSON, with --watch one line each time");
  addGatewayOptions(command);
  return command.action(async (options: Options) => {
    const target = await gatewayTarget(options, process.env);
    const every = options.watch === true ? WATCH_S : options.watch;
    for (;;) {
      const status = await isolationStatus(target);
      if (!status.attached) process.exitCode = EXIT.found;
      if (options.json) console.log(JSON.stringify(status, undefined, every === undefined ? 2 : undefined));
      else {
        if (every !== undefined && process.stdout.isTTY) process.stdout.write("\x1b[H\x1b[2J");
        console.log(statusText(target.url, status));
      }
      if (every === undefined) return;
      await sleep(every * 1_000);
    }
  });
}

/**
 * Asks a gateway.
 *
 * @throws {Failure} if it cannot be reached, or does not know the method
 */
export async function isolationStatus(target: GatewayTarget, timeoutMs?: number): Promise<IsolationStatus> {
  try {
    return (await askGateway<IsolationStatus>(target, STATUS_METHOD, timeoutMs)).payload;
  } catch (error) {
    if (!(error instanceof RequestError && error.unknownMethod)) throw error;
    throw new UnknownStatusError(target.url, error);
  }
}

/** The gateway runs, but has no plugin of ours to answer. */
export class UnknownStatusError extends Failure {
  constructor(url: string, cause: unknown) {
    super(
      `the gateway at ${url} does not know ${STATUS_METHOD}: the event-isolation plugin is not installed there, so it cannot say whether the module is loaded`,
      { cause },
    );
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 86_400)) throw new InvalidArgumentError("Give seconds, from 0.1 to 86400.");
  return value;
}
