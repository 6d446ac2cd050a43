/**
 * A server that speaks the gateway's protocol and does nothing by itself: for what a real gateway cannot be asked to
 * do, such as never answering. Tests of real gateways are in test/gateway.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { closed, within } from "../within.ts";

export type Params = Readonly<Record<string, unknown>>;

/** One connected client. */
export interface Peer {
  event(event: string, payload: unknown): void;
  /** Without a closing handshake, as when the network fails. */
  cut(): void;
}

/** Answers a request; SILENT to never answer. Throw `{code, message}` to refuse. */
export type Handler = (params: Params, peer: Peer) => unknown;

export const SILENT = Symbol("no answer");

export interface StandIn {
  readonly url: string;
  readonly token: string;
  /** Every request after the handshake, by method. */
  readonly requests: { readonly method: string; readonly params: Params }[];
  readonly peers: Set<Peer>;
  /** By method; a method without a handler is answered `{}`. */
  handlers: Record<string, Handler>;
  /** Changes as with a restart. */
  bootId: string;
  /** The token that is accepted. */
  accepts: string;
  count(method: string): number;
  close(): Promise<void>;
}

export async function startStandIn(handlers: Record<string, Handler> = {}, port = 0): Promise<StandIn> {
  const server = new WebSocketServer({ port, host: "127.0.0.1" });
  await within(once(server, "listening"), "a stand-in listens");
  const token = "stand-in-token-5ecret";
  const standIn: StandIn = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    requests: [],
    peers: new Set(),
    handlers,
    bootId: "boot-1",
    accepts: token,
    count: (method) => standIn.requests.filter((request) => request.method === method).length,
    close: () => {
      for (const socket of server.clients) socket.terminate();
      return closed(server);
    },
  };
  server.on("connection", (socket) => serve(standIn, socket));
  return standIn;
}

function serve(standIn: StandIn, socket: WebSocket): void {
  const send = (frame: object): void => socket.send(JSON.stringify(frame));
  const peer: Peer = {
    event: (event, payload) => send({ type: "event", event, payload }),
    cut: () => socket.terminate(),
  };
  socket.on("close", () => standIn.peers.delete(peer));
  socket.on("message", (data) => {
    const { id, method, params } = JSON.parse(data.toString()) as { id: string; method: string; params: Params };
    const answer = (payload: unknown): void => send({ type: "res", id, ok: true, payload });
    const refuse = (error: object): void => send({ type: "res", id, ok: false, error });
    if (method === "connect") {
      if ((params["auth"] as { token?: string })?.token === standIn.accepts) {
        standIn.peers.add(peer);
        answer(helloOk(standIn.bootId));
      } else {
        const message = `unauthorized: gateway token mismatch (got ${String((params["auth"] as { token?: string })?.token)})`;
        refuse({ code: "INVALID_REQUEST", message, details: { code: "AUTH_TOKEN_MISMATCH" } });
      }
      return;
    }
    standIn.requests.push({ method, params });
    try {
      const result = (standIn.handlers[method] ?? (() => ({})))(params, peer);
      if (result !== SILENT) answer(result);
    } catch (error) {
      refuse(error as object);
    }
  });
  peer.event("connect.challenge", { nonce: "n", ts: Date.now() });
}

function helloOk(bootId: string): object {
  return {
    type: "hello-ok",
    protocol: 4,
    server: { version: "2026.9.6", connId: "c", bootId },
    features: { methods: ["sessions.messages.subscribe"], events: [] },
    snapshot: { uptimeMs: 1000, sessionDefaults: { defaultAgentId: "main", mainKey: "main", scope: "per-sender" } },
    auth: { role: "operator", scopes: [] },
    policy: { maxPayload: 26_214_400, maxBufferedBytes: 52_428_800, tickIntervalMs: 30_000 },
  };
}
