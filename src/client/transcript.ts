/** What a session's history says about one message: its reply, how it ended, what it used. No clock and no I/O. */
import { isFields, textOf } from "./run-state.ts";

/** One message of a session's history. */
export interface HistoryMessage {
  /** `user`, `assistant`, `toolResult` and the like, as the gateway names it. */
  readonly role: string;
  readonly text: string;
  /** Milliseconds since 1970, on the gateway's clock. */
  readonly timestamp: number | undefined;
  /** The run that wrote it, where the release says so (2026.9). */
  readonly runId: string | undefined;
  /** The key it was sent with, where the release says so (2026.9). */
  readonly idempotencyKey: string | undefined;
  /** `stop`, `toolUse`, `error`, `aborted`, … of a model's message. */
  readonly stopReason: string | undefined;
  readonly errorMessage: string | undefined;
  readonly usage: { readonly input: number; readonly output: number; readonly costUsd: number | undefined } | undefined;
}

/** How the history answers one message. */
export interface Outcome {
  /** `open`: the message is there and its answer is not, or not yet. */
  readonly state: "complete" | "error" | "aborted" | "open";
  readonly text: string;
  readonly errorMessage: string | undefined;
  readonly usage:
    | { readonly inputTokens: number; readonly outputTokens: number; readonly costUsd?: number }
    | undefined;
}

/** Which message is looked for. */
export interface Wanted {
  readonly runId: string;
  readonly message: string;
  /** Not before this time on the gateway's clock; for releases whose history holds no idempotency keys. */
  readonly since: number;
}

/** Reads the messages of a `chat.history` answer. Leaves out values that are not messages. */
export function readMessages(answer: unknown): HistoryMessage[] {
  const messages = isFields(answer) ? answer["messages"] : undefined;
  if (!Array.isArray(messages)) return [];
  return (messages as unknown[]).flatMap((message) => {
    if (!isFields(message) || typeof message["role"] !== "string") return [];
    const own = isFields(message["__openclaw"]) ? message["__openclaw"] : {};
    const text = (name: string): string | undefined => asString(message[name]) ?? asString(own[name]);
    const { timestamp } = message;
    return [
      {
        role: message["role"],
        text: textOf(message) ?? "",
        timestamp: typeof timestamp === "number" ? timestamp : undefined,
        runId: text("runId"),
        idempotencyKey: text("idempotencyKey"),
        stopReason: message["openclawAbort"] ? "aborted" : asString(message["stopReason"]),
        errorMessage: asString(message["errorMessage"]),
        usage: readUsage(message["usage"]),
      },
    ];
  });
}

/**
 * Finds the outcome of a message: by its idempotency key where the history holds any; else by its text and time, and
 * then only if exactly one message can be meant.
 *
 * @returns undefined if the message is not there
 */
export function outcomeOf(messages: readonly HistoryMessage[], wanted: Wanted): Outcome | undefined {
  const index = indexOf(messages, wanted);
  if (index < 0) return undefined;
  const next = messages.findIndex(({ role }, i) => i > index && role === "user");
  const answers = messages.slice(index + 1, next < 0 ? undefined : next).filter(({ role }) => role === "assistant");
  const last = answers.at(-1);
  const text = answers.findLast((answer) => answer.text !== "")?.text ?? "";
  return { state: stateOf(last), text, errorMessage: last?.errorMessage, usage: usageOf(answers) };
}

/** Whether any of these messages carries the key it was sent with. */
export function holdsKeys(messages: readonly HistoryMessage[]): boolean {
  return messages.some(({ role, idempotencyKey }) => role === "user" && idempotencyKey !== undefined);
}

function indexOf(messages: readonly HistoryMessage[], { runId, message, since }: Wanted): number {
  if (holdsKeys(messages)) {
    const isOwn = (key: string | undefined): boolean => key === runId || key === `${runId}:user`;
    return messages.findIndex(({ role, idempotencyKey }) => role === "user" && isOwn(idempotencyKey));
  }
  const wantedText = message.trim();
  const matches = messages.flatMap(({ role, text, timestamp }, i) =>
    role === "user" && text.trim() === wantedText && timestamp !== undefined && timestamp >= since ? [i] : [],
  );
  return matches.length === 1 ? matches[0]! : -1;
}

function stateOf(last: HistoryMessage | undefined): Outcome["state"] {
  switch (last?.stopReason) {
    case undefined:
    case "toolUse":
      return "open";
    case "error":
      return "error";
    case "aborted":
      return "aborted";
    default:
      return "complete";
  }
}

function usageOf(answers: readonly HistoryMessage[]): Outcome["usage"] {
  const used = answers.flatMap(({ usage }) => (usage ? [usage] : []));
  const inputTokens = used.reduce((sum, { input }) => sum + input, 0);
  const outputTokens = used.reduce((sum, { output }) => sum + output, 0);
  if (inputTokens + outputTokens === 0) return undefined;
  const priced = used.every(({ costUsd }) => costUsd !== undefined);
  const costUsd = used.reduce((sum, usage) => sum + (usage.costUsd ?? 0), 0);
  return { inputTokens, outputTokens, ...(priced ? { costUsd } : {}) };
}

function readUsage(usage: unknown): HistoryMessage["usage"] {
  if (!isFields(usage)) return undefined;
  const { input, output, cacheRead, cacheWrite, cost } = usage;
  const total = isFields(cost) ? cost["total"] : undefined;
  return {
    input: asNumber(input) + asNumber(cacheRead) + asNumber(cacheWrite),
    output: asNumber(output),
    costUsd: typeof total === "number" ? total : undefined,
  };
}

function asNumber(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function asString(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
