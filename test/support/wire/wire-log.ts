/** What went over the WebSockets of a client that is not ours: a browser's page, or the TUI behind a proxy. */
import type { Page } from "playwright-core";

export interface WireEntry {
  /** Each connection has its own: a page that reconnects has asked for nothing yet. */
  readonly connection: number;
  readonly from: "client" | "gateway";
  readonly text: string;
  readonly frame: Readonly<Record<string, unknown>>;
}

export interface WireLog {
  readonly entries: WireEntry[];
  /** Begins a connection; the returned function adds its frames, in their order. */
  connection(): (from: WireEntry["from"], text: string) => void;
}

/** Makes an empty log. */
export function wireLog(): WireLog {
  const entries: WireEntry[] = [];
  let connections = 0;
  return {
    entries,
    connection() {
      connections += 1;
      const connection = connections;
      return (from, text) => {
        const frame: unknown = JSON.parse(text);
        if (!isObject(frame)) throw new Error(`no frame of the protocol: ${text.slice(0, 200)}`);
        entries.push({ connection, from, text, frame });
      };
    },
  };
}

/** Records all of a page's WebSockets to a gateway, from its next navigation on. */
export function recordPage(page: Page): WireLog {
  const log = wireLog();
  page.on("websocket", (socket) => {
    const add = log.connection();
    socket.on("framesent", ({ payload }) => add("client", String(payload)));
    socket.on("framereceived", ({ payload }) => add("gateway", String(payload)));
  });
  return log;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
