/** A client on a stand-in gateway, and the frames that it plays. */
import { onTestFinished } from "vitest";
import { type ChatEvent, type ChatRun, type Client, connect, type ConnectOptions } from "../../src/client.ts";
import { type Handler, type Params, type Peer, startStandIn, type StandIn } from "../support/wire/stand-in-gateway.ts";

export const KEY = "agent:main:s";
/** Bounds short enough for a test to wait for. */
export const FAST = { requestTimeoutMs: 300, recoverMs: 1_500, stallMs: 300, abortGraceMs: 400 };

/** Connects a client to a stand-in; both are closed with the test. */
export async function open(
  handlers: Record<string, Handler>,
  options: Partial<ConnectOptions> = {},
): Promise<{ gateway: StandIn; client: Client }> {
  const gateway = await startStandIn(handlers);
  onTestFinished(() => gateway.close());
  const client = await connect({ url: gateway.url, token: gateway.token, ...FAST, ...options });
  onTestFinished(() => client.close());
  return { gateway, client };
}

/** A payload of the run that a `chat.send` started. */
export const frame = (params: Params, more: object) => ({ runId: params["idempotencyKey"], sessionKey: KEY, ...more });
export const delta = (params: Params, seq: number, text: string) =>
  frame(params, { seq, state: "delta", message: { content: [{ type: "text", text }] } });
export const final = (params: Params, seq: number, text?: string) =>
  frame(params, { seq, state: "final", ...(text === undefined ? {} : { message: { content: text } }) });

/** Answers `chat.send` and then plays these frames. */
export function plays(script: (params: Params, peer: Peer) => void | Promise<void>): Handler {
  return (params, peer) => {
    setImmediate(() => void script(params, peer));
    return { runId: params["idempotencyKey"], status: "started" };
  };
}

/** Everything that a run yields. */
export async function read(run: ChatRun): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

/** Answers `chat.history`. */
export const history =
  (messages: (params: Params) => object[]): Handler =>
  (params) => ({ messages: messages(params) });
/** A message with a key, and its answer, as 2026.9 tells them. */
export const answered = (key: string, text: string, stopReason = "stop") => [
  { role: "user", content: "m", idempotencyKey: `${key}:user`, timestamp: Date.now() },
  {
    role: "assistant",
    content: [{ type: "text", text }],
    stopReason,
    usage: { input: 3, output: 2, cost: { total: 0.25 } },
  },
];
