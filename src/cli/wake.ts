/** `wake`: sends an event to a session and has its agent look at it. */
import { Command, Option } from "commander";
import { type Connection, RequestError } from "./connect.ts";
import { EXIT, Failure } from "./failure.ts";
import {
  addGatewayOptions,
  type GatewayOptions,
  type GatewayTarget,
  gatewayTarget,
  withConnection,
} from "./gateway-target.ts";

/** When the event is looked at; one that is sent to a session always at once. */
type WakeMode = "now" | "next-heartbeat";

/** The gateway took the event. */
interface WakeResult {
  readonly ok: true;
  readonly url: string;
  readonly sessionKey: string | null;
  readonly mode: WakeMode;
}

interface Options extends GatewayOptions {
  readonly text: string;
  /** Without one: the default agent's main session. */
  readonly sessionKey?: string;
  readonly agent?: string;
  readonly mode: WakeMode;
  readonly json?: boolean;
}

export function wakeSubcommand(): Command {
  const command = new Command("wake")
    .summary("send an event to a session and wake it")
    .description(
      "Puts a system event into a session's queue and has a heartbeat of that session look at it, on every release that runs with the module (and on 2026.9 without it).\n\nExit codes: 0 the gateway took it; 1 the gateway refused it, with the reason; 2 the gateway could not be asked.",
    )
    .requiredOption("--text <text>", "the event")
    .option("--session-key <key>", "the session, e.g. agent:ops:main (default: the main session)")
    .option("--agent <id>", "the agent, where the session key names none")
    .addOption(
      new Option("--mode <mode>", "without a session key: look at it now, or at the next heartbeat")
        .choices(["now", "next-heartbeat"])
        .default("now"),
    )
    .option("--json", "print the result as JSON, a refusal too");
  addGatewayOptions(command);
  return command.action(async ({ json, ...options }: Options) => {
    try {
      const result = await wakeSession(await gatewayTarget(options, process.env), options);
      console.log(json ? JSON.stringify(result) : `sent to ${result.sessionKey ?? "the main session"}`);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (!json) throw new Failure(error.message, { cause: error, exitCode: EXIT.found });
      console.log(JSON.stringify({ ok: false, error: { code: error.code, message: error.message } }));
      process.exitCode = EXIT.found;
    }
  });
}

/**
 * Sends an event to a session.
 *
 * @throws {Failure} if there is no connection, or the gateway ignores session keys
 * @throws {RequestError} if the gateway refuses the event
 */
function wakeSession(target: GatewayTarget, order: Options): Promise<WakeResult> {
  return withConnection(target, { scopes: ["operator.write"] }, (connection) => send(connection, target.url, order));
}

async function send(connection: Connection, url: string, order: Options): Promise<WakeResult> {
  const { text, sessionKey, agent, mode } = order;
  const named = {
    ...(sessionKey === undefined ? {} : { sessionKey }),
    ...(agent === undefined ? {} : { agentId: agent }),
  };
  if (sessionKey !== undefined && (await ignoresKeys(connection))) {
    throw new Failure(
      `the gateway at ${url} would send this to its main session: it ignores session keys. Start it with openclaw-event-isolation, or leave out --session-key`,
    );
  }
  const { ok } = await connection.request<{ ok?: unknown }>("wake", { mode, text, ...named });
  if (ok === false) throw new RequestError("wake", "INVALID_REQUEST", "the text is blank");
  return { ok: true, url, sessionKey: sessionKey ?? null, mode };
}

/** Asks with a key that no session has and without a text: who reads keys refuses it, and nobody enqueues it. */
async function ignoresKeys(connection: Connection): Promise<boolean> {
  try {
    await connection.request("wake", { mode: "next-heartbeat", text: " ", sessionKey: "agent:" });
    return true;
  } catch (error) {
    if (error instanceof RequestError && error.code === "INVALID_REQUEST" && !error.missingScope) return false;
    throw error;
  }
}
