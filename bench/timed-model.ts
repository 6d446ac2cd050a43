/** A model that writes its recipient and the time into each chunk. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { startModel, type Model } from "../test/support/gateway/model.ts";

export type Timing = {
  /** Chunks of an answer. */
  readonly chunks: number;
  readonly delayMs: number;
  /** Answers that stream together: the first ones wait for the last one, if it comes in time. */
  readonly together?: number;
};

const TIMING: Timing = { chunks: 12, delayMs: 40 };
/** How long an answer waits for the others; its gateway waits longer. */
const TOGETHER_TIMEOUT_MS = 90_000;

export type TimedModel = Model & {
  /** What is answered from now on. */
  timing: Timing;
  /** The most answers that streamed at a time since {@link timing} was set last. */
  readonly overlapping: number;
};

/** A word that only one client's question and answer contain. */
export function tokenOf(client: number): string {
  return `tok${padded(client)}x`;
}

/** The session of a client. Its name is another word than the token, to tell content from keys. */
export function keyOf(client: number): string {
  return `agent:main:seat${padded(client)}x`;
}

/** All clients whose tokens are in a text. */
export function tokensIn(text: string): Set<number> {
  return new Set([...text.matchAll(/tok(\d{3,})x/g)].map((match) => Number(match[1])));
}

/** All clients whose session keys are in a text. */
export function keysIn(text: string): Set<number> {
  return new Set([...text.matchAll(/seat(\d{3,})x/g)].map((match) => Number(match[1])));
}

function padded(client: number): string {
  return String(client).padStart(3, "0");
}

/** Times of sending of all chunks in a text. */
export function sendTimesIn(text: string): number[] {
  return [...text.matchAll(/tok\d{3,}x@(\d{13}\.\d{3})/g)].map((match) => Number(match[1]));
}

/** Milliseconds since 1970 with three decimals, so that chunks of one millisecond differ. */
export function now(): number {
  return Number((performance.timeOrigin + performance.now()).toFixed(3));
}

/** Starts the model. It answers every question that holds a token with timed chunks. */
export async function startTimedModel(timing: Timing = TIMING): Promise<TimedModel> {
  const plain = await startModel();
  let scene = new Scene(timing);
  const server = createServer((request, response) => {
    answer(request, response, scene).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    ...plain,
    port,
    baseUrl: `http://127.0.0.1:${port}/v1`,
    get timing() {
      return scene.timing;
    },
    set timing(next) {
      scene = new Scene(next);
    },
    get overlapping() {
      return scene.most;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await plain.close();
    },
  };
}

/** Answers of one timing, and how many of them stream. */
class Scene {
  readonly timing: Timing;
  most = 0;
  #streaming = 0;
  #came = 0;
  readonly #complete = Promise.withResolvers<void>();

  constructor(timing: Timing) {
    this.timing = timing;
  }

  /** Waits until the others are there, and for its turn among them. */
  async begin(): Promise<void> {
    const { together = 0, delayMs } = this.timing;
    const place = this.#came;
    this.#came += 1;
    if (this.#came >= together) this.#complete.resolve();
    await Promise.race([this.#complete.promise, sleep(TOGETHER_TIMEOUT_MS, undefined, { ref: false })]);
    // Users do not write in step: the chunks of all are spread over the delay between two.
    if (together > 0) await sleep((place % together) * (delayMs / together));
    this.#streaming += 1;
    this.most = Math.max(this.most, this.#streaming);
  }

  end(): void {
    this.#streaming -= 1;
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, scene: Scene): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const [client] = tokensIn(Buffer.concat(parts).toString("utf8"));
  const word = client === undefined ? "nobody" : tokenOf(client);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const send = (delta: object, finish: string | null): void => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    response.write(
      `data: ${JSON.stringify({ id: "timed", object: "chat.completion.chunk", created: 1, model: "echo", choices })}\n\n`,
    );
  };
  send({ role: "assistant" }, null);
  if (client !== undefined) await scene.begin();
  try {
    for (let chunk = 0; chunk < scene.timing.chunks; chunk += 1) {
      await sleep(scene.timing.delayMs);
      if (response.destroyed) return;
      send({ content: `${chunk === 0 ? "" : " "}${word}@${now().toFixed(3)}` }, null);
    }
  } finally {
    if (client !== undefined) scene.end();
  }
  send({}, "stop");
  response.end("data: [DONE]\n\n");
}
