/** A wire between a client and a gateway on which the gateway's frames can be dropped, repeated and swapped. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { wireLog, type WireLog } from "./wire-log.ts";
import { closed, within } from "../within.ts";

export type WireFrame = {
  readonly type: string;
  readonly event?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
};

export interface FrameProxy {
  readonly url: string;
  /** Turns a frame from the gateway into the frames that are sent instead. */
  tamper: (frame: WireFrame) => readonly WireFrame[];
  /** What came from either side, before it is tampered with. */
  readonly wire: WireLog;
  /** Cuts all connections without a word, as a lost network does; new ones are let through. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy to a gateway; it changes nothing until `tamper` is set. */
export async function startFrameProxy(target: string): Promise<FrameProxy> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await within(once(server, "listening"), "a proxy listens");
  const proxy: FrameProxy = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tamper: (frame) => [frame],
    wire: wireLog(),
    cut() {
      for (const socket of server.clients) socket.terminate();
    },
    close: () => {
      proxy.cut();
      return closed(server);
    },
  };
  server.on("connection", (inner) => {
    const outer = new WebSocket(target);
    const early: string[] = [];
    const add = proxy.wire.connection();
    inner.on("message", (data) => {
      add("client", data.toString());
      if (outer.readyState === WebSocket.OPEN) outer.send(data.toString());
      else early.push(data.toString());
    });
    outer.on("open", () => early.forEach((text) => outer.send(text)));
    outer.on("message", (data) => {
      add("gateway", data.toString());
      for (const frame of proxy.tamper(JSON.parse(data.toString()) as WireFrame)) inner.send(JSON.stringify(frame));
    });
    outer.on("error", () => inner.terminate());
    outer.on("close", () => inner.terminate());
    inner.on("close", () => outer.terminate());
  });
  return proxy;
}
