/** `wake`: sends an event to a session and makes its agent handle it. */
import { Command, InvalidArgumentError, Option } from "commander";
import { type Connection, RequestError } from "./connect.ts";
import { EXIT, Failure } from "./failure.ts";
import {
  addGatewayOptions,
  type GatewayOptions,
  type GatewayTarget,
  gatewayTarget,
  withConnection,
} from "./gateway-target.ts";
import { inRange } from "./versions.ts";
import { MESSAGES } from "./messages.ts";

/** When the event is handled; always at once for a session. */
type WakeMode = "now" | "next-heartbeat";

/** The gateway accepted the event. */
interface WakeResult {
  readonly ok: true;
  readonly url: string;
  readonly sessionKey: string | null;
  readonly mode: WakeMode;
}

interface Options extends GatewayOptions {
  readonly text: string;
  /** Without one: the main session of the agent, or of the default agent. */
  readonly sessionKey?: string;
  readonly agent?: string;
  readonly mode: WakeMode;
  readonly json?: boolean;
}

export function wakeSubcommand(): Command {
  const command = new Command("wake")
    .summary("send an event to a session and wake it")
    .description(
      "Puts a system event into a session's queue and wakes the session, so that a heartbeat handles the event. Works on every release with the module, and on 2026.9 also without it.\n\nExit codes: 0 the gateway accepted it; 1 the gateway refused it and gave the reason; 2 no answer from the gateway.",
    )
    .requiredOption("--text <text>", "the event")
    .option("--session-key <key>", "the session, e.g. agent:ops:main (default: the main session)", named)
    .option(
      "--agent <id>",
      "the agent, if the session key names none; without a session key, the agent's main session",
      named,
    )
    .addOption(
      new Option("--mode <mode>", "without a session key: handle it now, or at the next heartbeat")
        .choices(["now", "next-heartbeat"])
        .default("now"),
    )
    .option("--json", "print the result as JSON, including a refusal");
  addGatewayOptions(command);
  return command.action(async ({ json, ...options }: Options) => {
    try {
      const result = await wakeSession(await gatewayTarget(options, process.env), options);
      const main = options.agent === undefined ? "the main session" : `the main session of agent ${options.agent}`;
      console.log(json ? JSON.stringify(result) : `sent to ${result.sessionKey ?? main}`);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (!json) throw new Failure(error.message, { cause: error, exitCode: EXIT.found });
      console.log(JSON.stringify({ ok: false, error: { code: error.code, message: error.message } }));
      process.exitCode = EXIT.found;
    }
  });
}

/** An empty variable of the shell must not send the event to the main session: a gateway takes it as not given. */
function named(value: string): string {
  if (value.trim() !== "") return value;
  throw new InvalidArgumentError("Expected a name, or leave the option out.");
}

/**
 * Sends an event to a session.
 *
 * @throws {Failure} if the connection fails, or the gateway ignores session keys
 * @throws {RequestError} if the gateway refuses the event
 */
function wakeSession(target: GatewayTarget, order: Options): Promise<WakeResult> {
  return withConnection(target, { scopes: ["operator.write"] }, (connection) => send(connection, target.url, order));
}

async function send(connection: Connection, url: string, order: Options): Promise<WakeResult> {
  const { text, sessionKey, agent, mode } = order;
  const names = {
    ...(sessionKey === undefined ? {} : { sessionKey }),
    ...(agent === undefined ? {} : { agentId: agent }),
  };
  if (
    (sessionKey ?? agent) !== undefined &&
    !(sessionKey === undefined && findsAgents(connection)) &&
    (await ignores(connection, sessionKey === undefined ? NO_AGENT : NO_KEY))
  ) {
    throw new Failure(sessionKey === undefined ? MESSAGES.wakeIgnoresAgents(url) : MESSAGES.wakeIgnoresKeys(url));
  }
  const { ok } = await connection.request<{ ok?: unknown }>("wake", { mode, text, ...names });
  if (ok === false) throw new RequestError("wake", "INVALID_REQUEST", MESSAGES.blankText);
  return { ok: true, url, sessionKey: sessionKey ?? null, mode };
}

/** Impossible names of a session and an agent: a gateway that reads them refuses them. */
const NO_KEY = { sessionKey: "agent:" };
const NO_AGENT = { agentId: "no-agent-of-this-name" };

/** From 2026.8 on, the release sends a wake to the named agent, and checks the agent only after the text. */
function findsAgents({ hello }: Connection): boolean {
  return inRange(String(hello.server?.version), ">=2026.8.1");
}

/** Sends a wake with an impossible target and a blank text, which no release enqueues. */
async function ignores(connection: Connection, target: object): Promise<boolean> {
  try {
    await connection.request("wake", { mode: "next-heartbeat", text: " ", ...target });
    return true;
  } catch (error) {
    if (error instanceof RequestError && !error.missingScope && error.code !== "CLIENT_TIMEOUT") return false;
    throw error;
  }
}
