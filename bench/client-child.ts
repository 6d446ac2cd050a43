/**
 * A process that reads frames: `official` with the official client alone, `client` with ours on top of it. The parent tells it
 * how many runs to read and answers with the CPU time that took, or the heap that is in use.
 */
import { randomUUID } from "node:crypto";
import { GatewayClient } from "@openclaw/gateway-client";
import { connect } from "../src/client.ts";

const [variant, url, token] = process.argv.slice(2) as [string, string, string];
const CHAT = { sessionKey: "agent:main:bench", message: "go" };

/** Reads one run to its end; returns the length of its text. */
type Read = () => Promise<number>;

async function official(): Promise<Read> {
  const connected = Promise.withResolvers<void>();
  let length = 0;
  let over: () => void = () => undefined;
  const client = new GatewayClient({
    url,
    token,
    minProtocol: 3,
    maxProtocol: 4,
    deviceIdentity: null,
    onHelloOk: () => connected.resolve(),
    onEvent: ({ event, payload }) => {
      if (event !== "chat") return;
      const { state, message } = payload as { state: string; message: { content: { text: string }[] } };
      length = message.content[0]!.text.length;
      if (state === "final") over();
    },
  });
  client.start();
  await connected.promise;
  return async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    over = resolve;
    await client.request("chat.send", { ...CHAT, idempotencyKey: randomUUID() });
    await promise;
    return length;
  };
}

async function ours(): Promise<Read> {
  const client = await connect({ url, token });
  return async () => {
    let length = 0;
    for await (const event of client.chat({ ...CHAT, usage: false })) {
      if (event.type === "text-delta") length += event.delta.length;
    }
    return length;
  };
}

const read = await (variant === "client" ? ours() : official());

async function measure({
  runs,
  heap,
}: {
  runs: number;
  heap: boolean;
}): Promise<{ micros: number; length: number; heap: number }> {
  const before = process.cpuUsage();
  let length = 0;
  for (let i = 0; i < runs; i += 1) length += await read();
  const { user, system } = process.cpuUsage(before);
  if (heap) globalThis.gc?.();
  return { micros: user + system, length, heap: heap ? process.memoryUsage().heapUsed : 0 };
}

process.on(
  "message",
  (order: { runs: number; heap: boolean }) => void measure(order).then((sample) => process.send?.(sample)),
);
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
