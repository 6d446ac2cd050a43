/** A stand-in for signal-cli's daemon. */
import { createServer, type ServerResponse } from "node:http";
import type { Channel } from "./channel.ts";
import { closed, listen } from "../within.ts";

const FRIEND = "+15550001111";
const OWN_NUMBER = "+15550002222";

/** Starts the daemon. Up to 2026.5 the gateway has this channel built in. */
export async function startSignal(): Promise<Channel> {
  const sent: { at: number; text: string }[] = [];
  const listeners = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/api/v1/events") {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n");
      listeners.add(response);
      response.on("close", () => listeners.delete(response));
      return;
    }
    if (pathname !== "/api/v1/rpc") return void response.end("{}");
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      const { id, method, params } = JSON.parse(body) as { id: string; method: string; params: { message?: string } };
      if (method === "send") sent.push({ at: Date.now(), text: params.message ?? "" });
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result: { timestamp: Date.now() } }));
    });
  });
  const port = await listen(server);
  return {
    name: "signal",
    friend: FRIEND,
    sent,
    get listening() {
      return listeners.size > 0;
    },
    receive(message) {
      const timestamp = Date.now();
      const envelope = { sourceNumber: FRIEND, sourceName: "Friend", timestamp };
      const data = JSON.stringify({ envelope: { ...envelope, dataMessage: { timestamp, message } } });
      for (const listener of listeners) listener.write(`event:receive\ndata:${data}\n\n`);
    },
    close: async () => {
      const over = closed(server);
      server.closeAllConnections();
      await over;
    },
    config: {
      channels: {
        signal: {
          enabled: true,
          account: OWN_NUMBER,
          httpUrl: `http://127.0.0.1:${port}`,
          autoStart: false,
          dmPolicy: "open",
          allowFrom: ["*"],
        },
      },
      plugins: { entries: { signal: { enabled: true } } },
    },
  };
}
