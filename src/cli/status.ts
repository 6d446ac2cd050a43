/** `status`: what the module does in a running gateway. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { describeStatus, type IsolationStatus, STATUS_METHOD, STATUS_SCHEMA, withoutNames } from "../status.ts";
import { RequestError } from "./connect.ts";
import { EXIT, Failure, oneLine } from "./failure.ts";
import {
  addGatewayOptions,
  DEFAULT_SCOPES,
  type GatewayOptions,
  type GatewayTarget,
  gatewayTarget,
  withConnection,
} from "./gateway-target.ts";
import { MESSAGES } from "./messages.ts";

interface Options extends GatewayOptions {
  readonly watch?: number | true;
  readonly sessions?: boolean;
  readonly json?: boolean;
}

/** Next to `dist`, in which this file is. */
const PLUGIN = fileURLToPath(new URL("../../plugin", import.meta.url));

const WATCH_S = 2;
const ADMIN = "operator.admin";

export function statusSubcommand(): Command {
  const command = new Command("status")
    .summary("show what the module does in a running gateway")
    .description(
      `Asks a running gateway for ${STATUS_METHOD}: what is attached, connections, claims, and event outcomes, by event and reason. It shows no content, and session keys only with --sessions. The OpenClaw plugin of this package adds the method.\n\nExit codes: 0 attached; 1 not attached; 2 no status from the gateway.`,
    )
    .option("--watch [seconds]", `repeat at this interval (default: ${WATCH_S})`, seconds)
    .option("--sessions", "also show session keys, which needs the scope operator.admin")
    .option("--json", "print the gateway's answer as JSON; with --watch, one line for each answer");
  addGatewayOptions(command);
  return command.action(async (options: Options) => {
    const target = await gatewayTarget(options, process.env);
    const scopes = [...DEFAULT_SCOPES, ...(options.sessions ? [ADMIN] : [])];
    const every = options.watch === true ? WATCH_S : options.watch;
    for (;;) {
      const status = await isolationStatus(target, { scopes });
      if (!status.attached) process.exitCode = EXIT.found;
      if (options.json) console.log(JSON.stringify(status, undefined, every === undefined ? 2 : undefined));
      else {
        if (every !== undefined && process.stdout.isTTY) process.stdout.write("\x1b[H\x1b[2J");
        console.log(describeStatus(status));
      }
      if (every === undefined) return;
      await sleep(every * 1_000);
    }
  });
}

/**
 * Asks a gateway for its status.
 *
 * @throws {Failure} if it cannot be reached, does not know the method, or answers in the format of another version
 */
export async function isolationStatus(
  target: GatewayTarget,
  options: { readonly timeoutMs?: number; readonly scopes?: readonly string[] },
): Promise<IsolationStatus> {
  const { scopes = DEFAULT_SCOPES } = options;
  let status: Partial<IsolationStatus> | null;
  try {
    status = await ask(target, { ...options, scopes });
  } catch (error) {
    if (error instanceof RequestError && error.unknownMethod) throw new UnknownStatusError(target.url, error);
    if (error instanceof RequestError && error.code === "FORBIDDEN") throw new DeniedStatusError(target.url, error);
    throw error;
  }
  if (status?.schema === STATUS_SCHEMA && typeof status.attached === "boolean" && Array.isArray(status.seams)) {
    return scopes.includes(ADMIN) ? (status as IsolationStatus) : withoutNames(status as IsolationStatus);
  }
  throw new Failure(MESSAGES.otherStatusFormat(target.url, oneLine(String(status?.version), 40)));
}

/**
 * The gateway's answer. Releases up to 2026.7 let only `operator.admin` use a plugin's method, and 2026.9 asks for
 * that scope for methods that it does not know: then it is asked once more.
 */
async function ask(
  target: GatewayTarget,
  options: { readonly timeoutMs?: number; readonly scopes: readonly string[] },
): Promise<Partial<IsolationStatus> | null> {
  try {
    return await withConnection(target, options, (connection) => connection.request(STATUS_METHOD));
  } catch (error) {
    const scope = error instanceof RequestError ? error.missingScope : undefined;
    if (scope === undefined || options.scopes.includes(scope)) throw error;
    return ask(target, { ...options, scopes: [...options.scopes, scope] });
  }
}

/** The gateway runs with the module, and its access rules do not know this command. */
export class DeniedStatusError extends Failure {
  constructor(url: string, cause: unknown) {
    super(MESSAGES.statusDenied(url), { cause });
  }
}

/** The gateway runs, but without this package's plugin. */
export class UnknownStatusError extends Failure {
  constructor(url: string, cause: unknown) {
    super(MESSAGES.noStatusMethod(url, PLUGIN), { cause });
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 86_400))
    throw new InvalidArgumentError("Expected a number of seconds between 0.1 and 86400.");
  return value;
}
