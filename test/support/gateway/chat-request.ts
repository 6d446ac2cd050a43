/** Reads what the scripted model needs from a chat-completions request. */
import type { IncomingMessage } from "node:http";

export type ChatRequest = {
  readonly model: string;
  readonly stream: boolean;
  /** Names of the tools on offer. */
  readonly tools: readonly string[];
  /** What the user said in this turn, without what the gateway added in messages of its own. */
  readonly question: string;
  /** The question, with the context and events that newer releases add in messages before and after it. */
  readonly userText: string;
  /** What the gateway tells its model outside of the conversation. */
  readonly systemText: string;
  /** A tool result came after the question. */
  readonly hasToolResult: boolean;
};

type WireMessage = { readonly role?: unknown; readonly content?: unknown; readonly tool_calls?: readonly unknown[] };
type WireBody = {
  readonly model?: unknown;
  readonly stream?: unknown;
  readonly messages?: readonly WireMessage[];
  readonly tools?: readonly { readonly function?: { readonly name?: unknown } }[];
};

/** The chat-completions request in an HTTP request, or undefined if it is another kind of request. */
export async function readChatRequest(request: IncomingMessage): Promise<ChatRequest | undefined> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  if (request.method !== "POST" || !request.url?.endsWith("/chat/completions")) return undefined;

  const body = JSON.parse(Buffer.concat(parts).toString("utf8")) as WireBody;
  const turn = lastTurn(body.messages ?? []);
  const asked = turn.findLastIndex((message) => isUser(message) && withoutContext(textOf(message.content)) !== "");
  const question = asked < 0 ? "" : withoutContext(textOf(turn[asked]?.content));
  const rest = turn.slice(Math.max(asked, 0));
  const context = turn.slice(0, Math.max(asked, 0));
  const added = context.slice(context.findLastIndex((message) => !isContext(message)) + 1);
  return {
    model: String(body.model),
    stream: body.stream === true,
    tools: (body.tools ?? []).map((tool) => String(tool.function?.name)),
    question,
    userText: [...added, ...rest]
      .filter(isUser)
      .map((message) => textOf(message.content))
      .join("\n"),
    systemText: (body.messages ?? [])
      .filter(({ role }) => role === "system" || role === "developer")
      .map((message) => textOf(message.content))
      .join("\n"),
    hasToolResult: rest.some((message) => message.role === "tool"),
  };
}

/** The messages since the last answer: a later turn without a directive must not repeat an earlier one's. */
function lastTurn(messages: readonly WireMessage[]): readonly WireMessage[] {
  const answered = messages.findLastIndex((message) => message.role === "assistant" && !message.tool_calls?.length);
  return messages.slice(answered + 1);
}

function isUser(message: WireMessage): boolean {
  return message.role === "user";
}

/** Whether the gateway has added a message. */
function isContext(message: WireMessage): boolean {
  const text = textOf(message.content);
  // 2026.5.28 has no marks around it, in a message before the user's.
  return isUser(message) && (withoutContext(text) === "" || text.startsWith("OpenClaw runtime context "));
}

/** What the gateway adds in user messages of its own, before or after the one of the user: from 2026.5 on. */
const CONTEXT = [
  /^[^\n]*\(untrusted[^\n]*\):\n```json\n[\s\S]*?\n```/gm,
  // 2026.4.25 to 2026.4.29, above the context in a message after the user's.
  /^OpenClaw runtime context for the immediately preceding user message\.\n(?:This context is [^\n]*\n?)?/gm,
  // A system event, unless it brings a directive of its own.
  /^System: \[[^\]\n]*\](?!.*(?:\[\[|\(\()).*$/gm,
  // From 2026.5.28 to 2026.7.35 with some lines above it, also in a message of its own.
  /(?:^OpenClaw runtime (?:context|event)[^\n]*\n(?:(?!<<<BEGIN)[^\n]*\n)*)?<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>[\s\S]*?<<<END_OPENCLAW_INTERNAL_CONTEXT>>>/gm,
];

function withoutContext(text: string): string {
  return CONTEXT.reduce((rest, context) => rest.replace(context, ""), text).trim();
}

/** The text of a message content, which is a string or an array of parts with `text`. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => {
      const text = typeof part === "object" && part !== null && "text" in part ? part.text : undefined;
      return typeof text === "string" ? text : "";
    })
    .join("");
}
