/** The inputs and outputs of the client. */
import type { ClientErrorKind } from "./errors.ts";

/** An Ed25519 key pair by which the gateway knows this client as a paired device. */
export interface DeviceIdentity {
  /** SHA-256 of the raw public key, in hex. */
  readonly deviceId: string;
  readonly publicKeyPem: string;
  readonly privateKeyPem: string;
}

/** Options of {@link connect}. All times are in milliseconds. */
export interface ConnectOptions {
  /** `ws://` or `wss://`; must not carry a token or a password. */
  readonly url: string;
  /** The gateway's token. Better read from a file (`tokenFile`) or a secret store than from the environment. */
  readonly token?: string;
  /** Path of a file that holds the token; it is read when `connect` is called. */
  readonly tokenFile?: string;
  /**
   * Makes this client a device that the gateway knows. A run then stays its own across reconnects: it can still be
   * aborted on releases that let only the owner of a run abort it.
   */
  readonly deviceIdentity?: DeviceIdentity;
  /**
   * Default: `operator.read` and `operator.write`. Approvals need `operator.approvals`; what another
   * connection asked for is shown by 2026.9 to the same device and to `operator.admin` only.
   */
  readonly scopes?: readonly string[];
  /** What the gateway shows for this client. */
  readonly displayName?: string;
  /** How long `connect` tries before it rejects. Default 15,000. */
  readonly connectTimeoutMs?: number;
  /** How long one request may take. Default 15,000. */
  readonly requestTimeoutMs?: number;
  /** How long a run survives a lost connection before it ends with an error. Default 60,000. */
  readonly recoverMs?: number;
  /** After this long without a frame of a run, the gateway is asked whether it still runs. Default 20,000. */
  readonly stallMs?: number;
  /** How long an abort waits for the gateway. Default 3,000. */
  readonly abortGraceMs?: number;
  /** Events of one stream that may wait to be read. Default 1,000. */
  readonly maxQueuedEvents?: number;
  /** Chats that may wait for their turn on one session. Default 100. */
  readonly maxWaitingChats?: number;
}

/** An attachment as `chat.send` takes it. */
export interface Attachment {
  readonly mimeType: string;
  readonly fileName?: string;
  /** Base64. */
  readonly content: string;
}

/** Options of {@link Client.chat}. There is no history: the session holds it. */
export interface ChatOptions {
  /** Raw (`main`) or qualified (`agent:main:main`). */
  readonly sessionKey: string;
  readonly message: string;
  readonly attachments?: readonly Attachment[];
  /** Aborts the run, as {@link ChatRun.abort} does. */
  readonly signal?: AbortSignal;
  /** From the call to the end of the stream, waiting included. Default 600,000. */
  readonly timeoutMs?: number;
  /** Becomes the run's id; default: a random UUID. The same key never runs a message twice. */
  readonly idempotencyKey?: string;
  /** The model's thinking level, as the gateway names it (`off`, `low`, `high`, …). */
  readonly thinking?: string;
  /** Whether to ask the gateway's history for tokens and cost after the reply. Default true. */
  readonly usage?: boolean;
}

/** More of the reply. With `replace`, `delta` is the whole text and what came before is void. */
export interface TextDelta {
  readonly type: "text-delta";
  readonly delta: string;
  readonly replace?: true;
}

/** More of the model's reasoning. 2026.9 streams it; 2026.2 and 2026.5 do not. `replace` as in {@link TextDelta}. */
export interface ReasoningDelta {
  readonly type: "reasoning-delta";
  readonly delta: string;
  readonly replace?: true;
}

/** The agent calls a tool. 2026.2 sends tool events at verbose levels only. */
export interface ToolStart {
  readonly type: "tool-start";
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
  /** One line for people. */
  readonly label: string;
}

/** A tool call is over. */
export interface ToolEnd {
  readonly type: "tool-end";
  readonly id: string;
  readonly name: string;
  /** Undefined if its start was not seen. */
  readonly durationMs: number | undefined;
  readonly isError: boolean;
  readonly label: string;
}

/** `start` when the agent begins, then exactly one of the others. */
export interface Lifecycle {
  readonly type: "lifecycle";
  readonly phase: "start" | "end" | "aborted" | "error";
  /** With `aborted`: whether the gateway confirmed it. If not, the run may go on there. */
  readonly confirmed?: boolean;
  /** With `aborted`: the text so far. */
  readonly text?: string;
}

/** What the run used, over all of its model calls. */
export interface Usage {
  readonly type: "usage";
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** USD; missing where the gateway does not know the model's prices. */
  readonly costUsd?: number;
}

/** The run is over; always the last event. */
export interface Done {
  readonly type: "done";
  /** The whole reply, as the gateway's final has it. */
  readonly text: string;
}

/** The run failed; always the last event. */
export interface ChatFailure {
  readonly type: "error";
  readonly kind: ClientErrorKind;
  /** True only if the message was certainly not run. */
  readonly retryable: boolean;
  readonly message: string;
}

/** One event of a chat. A stream ends with `done`, `error`, or a `lifecycle` event of phase `aborted`. */
export type ChatEvent = TextDelta | ReasoningDelta | ToolStart | ToolEnd | Lifecycle | Usage | Done | ChatFailure;

/** Frames that were not for a run or subscription of this client, by reason. */
export interface Dropped {
  /** No run id, or no object at all. */
  malformed: number;
  /** No session key. */
  noKey: number;
  /** Of a run that this client did not start. */
  foreignRun: number;
  /** Of a run of this client, but with another session's key. */
  foreignSession: number;
  heartbeat: number;
  /** Seen before, or older than what was seen. */
  stale: number;
  /** After the end of the run. */
  late: number;
}
