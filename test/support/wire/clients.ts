/** Clients of a gateway: the official one, and one that writes the protocol by hand. */
import { randomUUID } from "node:crypto";
import { GatewayClient } from "@openclaw/gateway-client";
import type { HelloOk } from "@openclaw/gateway-protocol";
import { WebSocket } from "ws";
import { capabilities } from "../gateway/capabilities.ts";
import { createDevice, DEVICE_PROOF, deviceProof, type Device } from "../gateway/device.ts";
import { PATIENCE_MS } from "../gateway/patience.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import type { Release } from "../gateway/release.ts";
import { within } from "../within.ts";

export { field, type RecordedFrame } from "./recorder.ts";

/** The part of a gateway that a client needs. */
export type Endpoint = { readonly url: string; readonly token: string; readonly release: Release };

export type ConnectOptions = {
  readonly name?: string;
  readonly role?: string;
  /** What the client says it is; a backend by default. Hand-written clients only. */
  readonly client?: {
    readonly id: string;
    readonly mode: string;
    readonly displayName?: string;
    readonly instanceId?: string;
  };
  /** Hand-written clients only. */
  readonly userAgent?: string;
  readonly scopes?: readonly string[];
  readonly caps?: readonly string[];
  readonly minProtocol?: number;
  readonly maxProtocol?: number;
  /** With an Ed25519 device identity; by default only where the release needs one. */
  readonly device?: boolean | Device;
  readonly timeoutMs?: number;
  /** Sees each text first; what it takes is neither parsed nor recorded. Hand-written clients only. */
  readonly takes?: (json: string) => boolean;
};

export type Payload = Record<string, unknown>;

export type Client = Omit<Recorder, "add"> & {
  readonly name: string;
  readonly hello: HelloOk;
  /** Sends a request and resolves with its payload, or rejects with a GatewayRequestError. */
  request(method: string, params?: unknown, options?: { timeoutMs?: number }): Promise<Payload>;
  /** `chat.send` with a random idempotency key, which becomes the run's id. */
  chat(sessionKey: string, message: string, params?: Payload): Promise<{ runId: string }>;
  /** Resolves when the connection is closed, by either side. */
  readonly closed: Promise<{ code: number; reason: string }>;
  close(): Promise<void>;
};

export type RawClient = Client & {
  /** Every text that came in, answers included, as received. */
  readonly lines: readonly string[];
  /** Sends text or bytes as they are, an object as JSON. */
  sendRaw(frame: string | Buffer | object): void;
  /** Drops the connection without a word. */
  kill(): void;
  /** Stops reading from the socket: what the gateway sends piles up there. */
  pause(): void;
  resume(): void;
};

/** An answer `ok: false`, or no answer in time (code `CLIENT_TIMEOUT`, `CLIENT_CLOSED`). */
export class GatewayRequestError extends Error {
  readonly method: string;
  readonly code: string;
  readonly details: unknown;

  constructor(method: string, error: { code?: unknown; message?: unknown; details?: unknown }) {
    super(String(error.message ?? "request failed"));
    this.name = "GatewayRequestError";
    this.method = method;
    this.code = String(error.code ?? "UNKNOWN");
    this.details = error.details;
  }
}

const DEFAULTS = {
  role: "operator",
  scopes: ["operator.read", "operator.write"],
  minProtocol: 3,
  maxProtocol: 4,
  timeoutMs: PATIENCE_MS,
};
const CLIENT = { id: "gateway-client", mode: "backend", version: "0", platform: "linux" } as const;

function settle(gateway: Endpoint, options: ConnectOptions) {
  const wanted = options.device ?? capabilities(gateway.release).needsDevice;
  const device = wanted === true ? createDevice() : wanted === false ? undefined : wanted;
  return {
    ...DEFAULTS,
    ...options,
    scopes: [...(options.scopes ?? DEFAULTS.scopes)],
    caps: [...(options.caps ?? [])],
    device,
  };
}

function withChat(parts: Omit<Client, "chat">): Client {
  return {
    ...parts,
    async chat(sessionKey, message, params) {
      const payload = await parts.request("chat.send", {
        sessionKey,
        message,
        idempotencyKey: randomUUID(),
        ...params,
      });
      return { runId: String(payload["runId"]) };
    },
  };
}

/** Connects with the official client of `@openclaw/gateway-client`. It does not reconnect. */
export async function connectOfficial(gateway: Endpoint, options: ConnectOptions = {}): Promise<Client> {
  const { needsDevice, takesNewDeviceProofs } = capabilities(gateway.release);
  // The current official client proves its device in the new form only.
  if (needsDevice && !takesNewDeviceProofs) return connectRaw(gateway, options);
  const {
    name = "official",
    role,
    scopes,
    caps,
    minProtocol,
    maxProtocol,
    timeoutMs,
    device,
  } = settle(gateway, options);
  const { add, ...recorder } = createRecorder(name);
  const connected = Promise.withResolvers<HelloOk>();
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const client = new GatewayClient({
    url: gateway.url,
    token: gateway.token,
    clientName: CLIENT.id,
    mode: CLIENT.mode,
    clientVersion: CLIENT.version,
    platform: CLIENT.platform,
    role,
    scopes,
    caps,
    minProtocol,
    maxProtocol,
    deviceIdentity: device ?? null,
    hostDeps: DEVICE_PROOF,
    onEvent: (frame) =>
      add({ at: Date.now(), event: frame.event, payload: frame.payload, seq: frame.seq, json: JSON.stringify(frame) }),
    onHelloOk: (hello) => connected.resolve(hello),
    onConnectError: (error) => connected.reject(error),
    onClose: (code, reason) => {
      // A reconnect would hide what the gateway did to this connection.
      client.stop();
      connected.reject(new Error(`${name}: closed before hello: ${code} ${reason}`));
      closed.resolve({ code, reason });
    },
  });
  const timer = setTimeout(() => connected.reject(new Error(`${name}: no hello in ${timeoutMs} ms`)), timeoutMs);
  client.start();
  const hello = await connected.promise
    .catch((error: unknown) => {
      client.stop();
      throw error;
    })
    .finally(() => clearTimeout(timer));

  return withChat({
    ...recorder,
    name,
    hello,
    closed: closed.promise,
    async request(method, params, { timeoutMs: limit = PATIENCE_MS } = {}) {
      try {
        return await client.request<Payload>(method, params ?? {}, { timeoutMs: limit });
      } catch (error) {
        throw new GatewayRequestError(method, error as Error);
      }
    },
    close: async () => {
      await within(client.stopAndWait(), `${name} is closed`, 10_000);
      closed.resolve({ code: 1000, reason: "closed by the test" });
    },
  });
}

type Incoming =
  | { readonly type: "event"; readonly event: string; readonly payload?: unknown; readonly seq?: number }
  | Answer;
type Challenge = { readonly nonce: string; readonly ts: number };
type Answer = {
  readonly type: "res";
  readonly id: string;
  readonly ok: boolean;
  readonly payload?: unknown;
  readonly error?: object;
};

/** Connects with a plain WebSocket and makes the handshake by hand. */
export async function connectRaw(gateway: Endpoint, options: ConnectOptions = {}): Promise<RawClient> {
  const { name = "raw", role, scopes, caps, minProtocol, maxProtocol, timeoutMs, device } = settle(gateway, options);
  const self = { ...CLIENT, ...options.client };
  const { add, ...recorder } = createRecorder(name);
  const lines: string[] = [];
  const pending = new Map<string, (answer: Answer) => void>();
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const challenged = Promise.withResolvers<Challenge>();
  const socket = new WebSocket(gateway.url, { maxPayload: 64 * 1024 * 1024 });

  socket.on("message", (data) => {
    const json = data.toString();
    if (options.takes?.(json)) return;
    lines.push(json);
    const frame = JSON.parse(json) as Incoming;
    if (frame.type !== "event") pending.get(frame.id)?.(frame);
    else {
      add({ at: Date.now(), event: frame.event, payload: frame.payload, seq: frame.seq, json });
      if (frame.event === "connect.challenge") challenged.resolve(frame.payload as Challenge);
    }
  });
  socket.on("error", (error) => closed.resolve({ code: 1006, reason: error.message }));
  socket.on("close", (code, reason) => closed.resolve({ code, reason: reason.toString() }));

  function request(
    method: string,
    params: unknown,
    { timeoutMs: limit = PATIENCE_MS }: { timeoutMs?: number } = {},
  ): Promise<Payload> {
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<Payload>();
    const fail = (code: string, message: string): void => reject(new GatewayRequestError(method, { code, message }));
    const timer = setTimeout(() => fail("CLIENT_TIMEOUT", `no answer to ${method} in ${limit} ms`), limit);
    pending.set(id, (answer) => {
      if (answer.ok) resolve((answer.payload ?? {}) as Payload);
      else reject(new GatewayRequestError(method, answer.error ?? {}));
    });
    void closed.promise.then(({ code, reason }) => fail("CLIENT_CLOSED", `closed during ${method}: ${code} ${reason}`));
    socket.send(JSON.stringify({ type: "req", id, method, params: params ?? {} }));
    return promise.finally(() => {
      clearTimeout(timer);
      pending.delete(id);
    });
  }

  async function handshake(): Promise<HelloOk> {
    const refused = closed.promise.then(({ code, reason }) => {
      throw new Error(`${name}: closed before hello: ${code} ${reason}`);
    });
    const { nonce, ts } = await Promise.race([challenged.promise, refused]);
    const proof = device && {
      id: device.deviceId,
      publicKey: DEVICE_PROOF.publicKeyRawBase64UrlFromPem(device.publicKeyPem),
      signedAt: ts,
      nonce,
      signature: DEVICE_PROOF.signDevicePayload(
        device.privateKeyPem,
        deviceProof(gateway.release, {
          deviceId: device.deviceId,
          clientId: self.id,
          clientMode: self.mode,
          role,
          scopes,
          signedAtMs: ts,
          token: gateway.token,
          nonce,
          platform: self.platform,
        }),
      ),
    };
    const { userAgent } = options;
    const about = { minProtocol, maxProtocol, client: self, role, scopes, caps, ...(userAgent && { userAgent }) };
    const params = { ...about, auth: { token: gateway.token } };
    const hello = request("connect", proof ? { ...params, device: proof } : params, { timeoutMs });
    return (await hello) as unknown as HelloOk;
  }

  const handshakeTimer = setTimeout(
    () => closed.resolve({ code: 0, reason: `no hello in ${timeoutMs} ms` }),
    timeoutMs,
  );
  const hello = await handshake()
    .catch((error: unknown) => {
      socket.terminate();
      throw error;
    })
    .finally(() => clearTimeout(handshakeTimer));
  const client = withChat({
    ...recorder,
    name,
    hello,
    closed: closed.promise,
    request,
    close: async () => {
      socket.close();
      const timer = setTimeout(() => socket.terminate(), 2000);
      await within(closed.promise, `${name} is closed`, 10_000);
      clearTimeout(timer);
    },
  });
  return {
    ...client,
    lines,
    sendRaw: (frame) =>
      socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    kill: () => socket.terminate(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}
