/** A scripted model: an OpenAI chat-completions server whose answers are written in the question. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { readChatRequest, type ChatRequest } from "./chat-request.ts";
import { PATIENCE_MS } from "./patience.ts";
import { scriptOf, type Script } from "./script.ts";
import { closed, listen } from "../within.ts";

/** One request of a gateway to the model. */
export type ModelRequest = {
  /** Id of the directive that was answered; "" without a directive. */
  readonly id: string;
  readonly kind: Script["kind"];
  readonly at: number;
  /** The last message of the user, with what the gateway put around and after it. */
  readonly lastUserText: string;
  /** The system prompt. */
  readonly systemText: string;
  /** Names of the tools that the gateway offered. */
  readonly tools: readonly string[];
  readonly stream: boolean;
  /** The text that was sent so far. */
  sentText: string;
  /** The gateway closed the connection before the end. */
  aborted: boolean;
  /** The answer was sent to its end. */
  done: boolean;
};

export type Model = {
  readonly port: number;
  /** What goes into a provider's `baseUrl`. */
  readonly baseUrl: string;
  readonly requests: readonly ModelRequest[];
  /** What to answer where a message holds no directive; says `OK` unless replaced. */
  otherwise: (lastUserText: string) => Script;
  /** Exactly the text that was sent for an id, over all of its requests. */
  textFor(id: string): string;
  /** The first request with an id, once it has arrived or (`"settled"`) its answer is done or aborted. */
  waitFor(id: string, timeoutMs?: number, state?: "arrived" | "settled"): Promise<ModelRequest>;
  close(): Promise<void>;
};

/** Starts a scripted model on a free loopback port. See script.ts for the directives. */
export async function startModel(): Promise<Model> {
  const requests: ModelRequest[] = [];
  const server = createServer((request, response) => {
    void serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chat = await readChatRequest(request);
    if (!chat) {
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":{"message":"not found"}}');
      return;
    }
    const script = scriptOf(chat.question) ?? model.otherwise(chat.userText);
    const record: ModelRequest = {
      id: script.id,
      kind: script.kind,
      at: Date.now(),
      lastUserText: chat.userText,
      systemText: chat.systemText,
      tools: chat.tools,
      stream: chat.stream,
      sentText: "",
      aborted: false,
      done: false,
    };
    requests.push(record);
    response.on("close", () => {
      record.aborted = !record.done;
    });
    await answer(chat, script, record, response);
  }

  const port = await listen(server);
  const model: Model = {
    port,
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    otherwise: () => ({ kind: "say", id: "", chunks: ["OK"], delayMs: 0 }),
    textFor: (id) =>
      requests
        .filter((request) => request.id === id)
        .map((request) => request.sentText)
        .join(""),
    async waitFor(id, timeoutMs = PATIENCE_MS, state = "arrived") {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const found = requests.find(
          (request) => request.id === id && (state === "arrived" || request.done || request.aborted),
        );
        if (found) return found;
        if (Date.now() > deadline) {
          const seen = requests.map((request) => request.id || "-").join(" ") || "none";
          throw new Error(`the model got no request ${id} (${state}) in ${timeoutMs} ms; requests seen: ${seen}`);
        }
        await sleep(10);
      }
    },
    close: async () => {
      const over = closed(server);
      server.closeAllConnections();
      await over;
    },
  };
  return model;
}

async function answer(
  chat: ChatRequest,
  script: Script,
  record: ModelRequest,
  response: ServerResponse,
): Promise<void> {
  if (script.kind === "error") {
    record.done = true;
    response.writeHead(script.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: `scripted error ${script.id}`, type: "invalid_request_error" } }));
    return;
  }
  const callsTool = script.kind === "tool" && !chat.hasToolResult;
  if (callsTool) {
    const calls = Array.from({ length: script.times }, (_, index) => ({
      index,
      id: `call_${script.id}_${record.at}${index === 0 ? "" : `_${index}`}`,
      type: "function",
      function: {
        name: script.tool,
        arguments: script.times === 1 ? JSON.stringify(script.args) : numbered(script.args, index),
      },
    }));
    await send(chat, [{ tool_calls: calls }], 0, "tool_calls", record, response);
    return;
  }
  await send(
    chat,
    [
      ...(script.kind === "say" ? (script.reasoning ?? []) : []).map((text) => ({ reasoning_content: text })),
      ...script.chunks.map((content) => ({ content })),
    ],
    script.delayMs,
    "stop",
    record,
    response,
  );
}

function numbered(args: object, index: number): string {
  return JSON.stringify(args).replaceAll("@", String(index));
}

type Delta = {
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly unknown[];
};

async function send(
  chat: ChatRequest,
  deltas: readonly Delta[],
  delayMs: number,
  finish: "stop" | "tool_calls",
  record: ModelRequest,
  response: ServerResponse,
): Promise<void> {
  const usage = { prompt_tokens: 10, completion_tokens: deltas.length, total_tokens: 10 + deltas.length };
  const head = { id: `chatcmpl-${record.at}`, created: Math.floor(record.at / 1000), model: chat.model };
  if (chat.stream) response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const event = (choices: readonly unknown[], extra?: object): void => {
    const body = { ...head, object: "chat.completion.chunk", choices, ...extra };
    if (chat.stream) response.write(`data: ${JSON.stringify(body)}\n\n`);
  };

  event([{ index: 0, delta: { role: "assistant" }, finish_reason: null }]);
  for (const delta of deltas) {
    if (delayMs > 0) await sleep(delayMs);
    if (response.destroyed) return;
    event([{ index: 0, delta, finish_reason: null }]);
    record.sentText += delta.content ?? "";
  }
  event([{ index: 0, delta: {}, finish_reason: finish }]);
  record.done = true;
  if (chat.stream) {
    event([], { usage });
    response.end("data: [DONE]\n\n");
    return;
  }
  const calls = deltas.flatMap((delta) => delta.tool_calls ?? []);
  const message = {
    role: "assistant",
    content: record.sentText || null,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  const body = { ...head, object: "chat.completion", choices: [{ index: 0, message, finish_reason: finish }], usage };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}
