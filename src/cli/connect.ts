/** Connects to a gateway with the official client, and explains a failure in one line. */
import { connect as connectTls } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import { GatewayClient } from "@openclaw/gateway-client";
import type { EventFrame, HelloOk } from "@openclaw/gateway-protocol";
import { DEVICE_PROOF, type Device } from "./device.ts";
import { Failure, oneLine } from "./failure.ts";
import { OLDEST_CLIENT_NODE } from "./node-version.ts";
import { inRange } from "./versions.ts";
import { MESSAGES } from "./messages.ts";

/** Options of one connection. */
export interface ConnectOptions {
  /** `ws://…` or `wss://…`. */
  readonly url: string;
  readonly token?: string | undefined;
  /**
   * SHA-256 fingerprint of a `wss:` gateway's certificate that no authority has signed; hex, with or without colons.
   */
  readonly tlsFingerprint?: string | undefined;
  /** `operator.read` unless given. */
  readonly scopes?: readonly string[];
  readonly caps?: readonly string[];
  /** The connection's device identity; none unless given. */
  readonly device?: Device | undefined;
  readonly onEvent?: (frame: EventFrame) => void;
  /** From the start until the gateway's hello. */
  readonly timeoutMs?: number;
}

export interface Connection {
  readonly hello: HelloOk;
  /**
   * Sends a request and resolves with its payload.
   *
   * @throws {RequestError} if the gateway answers with an error, or does not answer in time
   */
  request<T = Record<string, unknown>>(method: string, params?: unknown, timeoutMs?: number): Promise<T>;
  close(): Promise<void>;
}

/** An answer `ok: false`, or none in time (code `CLIENT_TIMEOUT`). */
export class RequestError extends Failure {
  /** The gateway's, e.g. `INVALID_REQUEST`. */
  readonly code: string;

  constructor(method: string, code: string, message: string, cause?: unknown) {
    super(MESSAGES.refused(method, oneLine(message)), { cause });
    this.code = code;
  }

  /** Whether the gateway does not know the method at all. */
  get unknownMethod(): boolean {
    return /unknown method/i.test(this.message);
  }

  /** The scope that the connection lacks; 2026.9 names `operator.admin` for methods that it does not know. */
  get missingScope(): string | undefined {
    return /missing scope: ([\w.]+)/i.exec(this.message)?.[1];
  }
}

const TIMEOUT_MS = 15_000;
const RETRY_MS = 500;

/** All protocol versions of the supported releases: 3 up to 2026.5, 4 on 2026.9. */
const PROTOCOL = { minProtocol: 3, maxProtocol: 4 } as const;

/**
 * Connects as an operator's backend. Waits for a gateway that is still starting.
 *
 * @throws {Failure} with one line that explains why the connection failed
 */
export async function connectGateway(options: ConnectOptions): Promise<Connection> {
  const deadline = Date.now() + (options.timeoutMs ?? TIMEOUT_MS);
  checkUrl(options.url);
  if (!inRange(process.versions.node, `>=${OLDEST_CLIENT_NODE}`)) {
    throw new Failure(MESSAGES.oldNodeToConnect(process.versions.node, OLDEST_CLIENT_NODE));
  }
  for (;;) {
    try {
      return await attempt(options, Math.max(1, deadline - Date.now()));
    } catch (error) {
      if (!isStarting(error) || Date.now() + RETRY_MS > deadline) throw await explain(options, error);
    }
    await sleep(RETRY_MS);
  }
}

function checkUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && (parsed.protocol === "ws:" || parsed.protocol === "wss:")) return;
  throw new Failure(MESSAGES.badUrl(oneLine(url, 100)));
}

class ClosedError extends Error {
  constructor(code: number, reason: string) {
    super(MESSAGES.closedEarly(code, reason));
  }
}

async function attempt(options: ConnectOptions, timeoutMs: number): Promise<Connection> {
  const connected = Promise.withResolvers<HelloOk>();
  const client = new GatewayClient({
    url: options.url,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.tlsFingerprint === undefined ? {} : { tlsFingerprint: options.tlsFingerprint }),
    clientName: "gateway-client",
    mode: "backend",
    clientDisplayName: "openclaw-event-isolation",
    role: "operator",
    scopes: [...(options.scopes ?? ["operator.read"])],
    caps: [...(options.caps ?? [])],
    ...PROTOCOL,
    deviceIdentity: options.device ?? null,
    hostDeps: DEVICE_PROOF,
    ...(options.onEvent ? { onEvent: options.onEvent } : {}),
    onHelloOk: (hello) => connected.resolve(hello),
    onConnectError: (error) => connected.reject(error),
    onClose: (code, reason) => {
      // No reconnect: the caller must see what the gateway did to this connection.
      client.stop();
      connected.reject(new ClosedError(code, reason));
    },
  });
  const timer = setTimeout(() => connected.reject(new ClosedError(0, "no answer in time")), timeoutMs);
  try {
    client.start();
    const hello = await connected.promise;
    return {
      hello,
      async request<T>(method: string, params: unknown = {}, limit = 30_000): Promise<T> {
        try {
          return await client.request<T>(method, params, { timeoutMs: limit });
        } catch (error) {
          const { code, gatewayCode } = error as { code?: unknown; gatewayCode?: unknown };
          throw new RequestError(method, String(gatewayCode ?? code ?? "UNKNOWN"), messageOf(error), error);
        }
      },
      close: () => client.stopAndWait(),
    };
  } catch (error) {
    client.stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** 2026.9 gives this answer for a while after its port has opened. */
function isStarting(error: unknown): boolean {
  const { gatewayCode, details } = error as { gatewayCode?: unknown; details?: { httpStatus?: unknown } };
  if (details?.httpStatus !== undefined) return details.httpStatus === 503;
  return gatewayCode === "UNAVAILABLE" || /starting|startup/i.test(messageOf(error));
}

const NO_GATEWAY =
  /rejected websocket upgrade|Unexpected server response|no answer in time|challenge timeout|Parse Error|socket hang up/i;

async function explain(options: ConnectOptions, error: unknown): Promise<Failure> {
  const { url } = options;
  const text = messageOf(error);
  const code = codeOf(error);
  const fail = (message: string): Failure => new Failure(message, { cause: error });
  if (code === "ECONNREFUSED") return fail(MESSAGES.nothingListens(url));
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return fail(MESSAGES.hostNotFound(new URL(url).hostname));
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "ETIMEDOUT") return fail(MESSAGES.unreachable(url));
  if (/fingerprint mismatch/i.test(text)) return fail(MESSAGES.otherCertificate(url, await fingerprint(url)));
  if (/certificate|self.signed|CERT_|UNABLE_TO_/i.test(`${code} ${text}`)) {
    return fail(MESSAGES.unknownCertificate(url, code ?? oneLine(text, 80), await fingerprint(url)));
  }
  if (/wrong version number|EPROTO|packet length/i.test(`${code} ${text}`)) return fail(MESSAGES.noTls(url));
  if (/plaintext ws/i.test(text)) return fail(MESSAGES.needsTls(url));
  if (/protocol[ _]mismatch/i.test(text)) {
    return fail(MESSAGES.otherProtocol(url, PROTOCOL.minProtocol, PROTOCOL.maxProtocol, oneLine(text, 120)));
  }
  if (NO_GATEWAY.test(text)) return fail(MESSAGES.notOpenclaw(url, oneLine(text, 160)));
  if (/unauthorized|token|password|auth|device identity required/i.test(text)) {
    const refused = options.token === undefined ? MESSAGES.noTokenGiven : MESSAGES.tokenRefused;
    return fail(refused(url, oneLine(text, 160)));
  }
  return fail(MESSAGES.notConnected(url, oneLine(text, 200)));
}

/** The SHA-256 fingerprint of the certificate at a `wss:` address, trusted or not. */
function fingerprint(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const give = (text: string): void => {
      socket.destroy();
      resolve(text);
    };
    const host = hostname.replaceAll(/[[\]]/g, "");
    const socket = connectTls({ host, port: Number(port || 443), rejectUnauthorized: false, timeout: 5_000 }, () =>
      give(socket.getPeerCertificate().fingerprint256),
    );
    socket.on("error", () => give("(unknown)"));
    socket.on("timeout", () => give("(unknown)"));
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === "string") return code;
  return cause instanceof Error ? codeOf(cause) : undefined;
}
