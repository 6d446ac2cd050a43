/**
 * Asks the gateway on this machine for its status, with the token in the configuration. For the audit,
 * which has nothing but the configuration; commands use ask-gateway.ts, which knows every kind of gateway.
 */
import type { GatewayConfig } from "../host/gateway-types.ts";
import { reasonOf } from "../host/messages.ts";
import { type IsolationStatus, STATUS_METHOD } from "../status.ts";

const TIMEOUT_MS = 5_000;
const DEFAULT_PORT = 18_789;

interface Incoming {
  readonly id?: unknown;
  readonly event?: unknown;
  readonly ok?: unknown;
  readonly payload?: unknown;
  readonly error?: { readonly message?: unknown };
}

/** The gateway's part of the configuration, as far as it is needed. */
interface GatewaySection {
  readonly gateway?: { readonly port?: unknown; readonly auth?: { readonly token?: unknown } };
}

/** @returns the status, or in one line why there is none */
export async function askLoopback(config: GatewayConfig): Promise<{ status: IsolationStatus } | { problem: string }> {
  const { port = DEFAULT_PORT, auth } = (config as GatewaySection).gateway ?? {};
  const token = auth?.token;
  if (typeof token !== "string") return { problem: "no gateway token in the configuration to ask the gateway with" };
  const socket = new WebSocket(`ws://127.0.0.1:${Number(port)}`);
  const answer = Promise.withResolvers<IsolationStatus>();
  const late = setTimeout(() => answer.reject(new Error("no answer in time")), TIMEOUT_MS);
  socket.addEventListener("error", () => answer.reject(new Error("no connection")));
  socket.addEventListener("close", ({ reason }) => answer.reject(new Error(reason || "connection closed")));
  socket.addEventListener("message", ({ data }) => {
    try {
      const { id, event, ok, payload, error } = JSON.parse(String(data)) as Incoming;
      if (event === "connect.challenge") socket.send(JSON.stringify(hello(token)));
      else if (ok === false) answer.reject(new Error(String(error?.message)));
      else if (id === "hello")
        socket.send(JSON.stringify({ type: "req", id: "ask", method: STATUS_METHOD, params: {} }));
      else if (id === "ask") answer.resolve(payload as IsolationStatus);
    } catch (error) {
      answer.reject(error);
    }
  });
  try {
    return { status: await answer.promise };
  } catch (error) {
    return { problem: `the gateway at 127.0.0.1:${Number(port)} did not answer: ${reasonOf(error)}` };
  } finally {
    clearTimeout(late);
    socket.close();
  }
}

/** The connect request of a backend on the gateway's own machine, for every protocol since 2026.2. */
function hello(token: string): object {
  const params = {
    minProtocol: 3,
    maxProtocol: 4,
    client: { id: "gateway-client", mode: "backend", version: "0", platform: process.platform },
    role: "operator",
    scopes: ["operator.read"],
    caps: [],
    auth: { token },
  };
  return { type: "req", id: "hello", method: "connect", params };
}
