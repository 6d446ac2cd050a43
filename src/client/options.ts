/** Reads and checks what `connect` and `chat` are given. */
import { createPublicKey, randomUUID, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { GatewayClientOptions } from "@openclaw/gateway-client";
import { ClientError } from "./errors.ts";
import { requireSessionKey } from "./own-session.ts";
import type { ChatOptions, ConnectOptions } from "./types.ts";

const DEFAULTS = {
  connectTimeoutMs: 15_000,
  requestTimeoutMs: 15_000,
  recoverMs: 60_000,
  stallMs: 20_000,
  abortGraceMs: 3_000,
  maxQueuedEvents: 1_000,
  maxWaitingChats: 100,
} satisfies Partial<ConnectOptions>;

/** The options with every default in place, without the credentials. */
export type Settings = Readonly<typeof DEFAULTS>;

/** Timers cannot wait longer than this. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_MESSAGE_LENGTH = 16 * 1024 * 1024;

/** @throws ClientError of kind `invalid-argument` for a value that is not a number */
export function readSettings(options: ConnectOptions): Settings {
  const names = Object.keys(DEFAULTS) as (keyof Settings)[];
  return Object.fromEntries(names.map((name) => [name, positive(name, options[name], DEFAULTS[name])])) as Settings;
}

/** Checks a number of milliseconds or of things. @throws ClientError of kind `invalid-argument` */
export function positive(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return Math.min(value, MAX_TIMER_MS);
  throw new ClientError("invalid-argument", `${name} must be a positive number`);
}

/** Checks the URL without ever repeating it: it may hold a secret by mistake. */
export function checkUrl(value: unknown): string {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (!url || (url.protocol !== "ws:" && url.protocol !== "wss:")) {
    throw new ClientError("invalid-argument", "url must be a ws:// or wss:// address");
  }
  const named = [...url.searchParams.keys(), ...new URLSearchParams(url.hash.slice(1)).keys()];
  if (url.username || url.password || named.some((name) => /token|password|secret|auth/i.test(name))) {
    throw new ClientError("invalid-argument", "url must not hold a token or a password: use token or tokenFile");
  }
  return String(value);
}

/** The gateway's token, from the option or the file. */
export async function readToken({ token, tokenFile, deviceIdentity }: ConnectOptions): Promise<string | undefined> {
  if (token !== undefined && tokenFile !== undefined) {
    throw new ClientError("invalid-argument", "give either token or tokenFile, not both");
  }
  if (tokenFile !== undefined) {
    const text = await readFile(tokenFile, "utf8").catch((error: NodeJS.ErrnoException) => {
      throw new ClientError("invalid-argument", `tokenFile cannot be read (${error.code ?? error.message})`);
    });
    if (text.trim() === "") throw new ClientError("invalid-argument", "tokenFile is empty");
    return text.trim();
  }
  if (typeof token === "string" && token.trim() !== "") return token.trim();
  if (deviceIdentity !== undefined) return undefined;
  throw new ClientError("invalid-argument", "give a token, a tokenFile or a deviceIdentity");
}

/** How the official client signs as a device; without one it must not look for any. */
export function deviceOptions(identity: ConnectOptions["deviceIdentity"]): Partial<GatewayClientOptions> {
  if (!identity) return { deviceIdentity: null };
  return {
    deviceIdentity: identity,
    hostDeps: {
      signDevicePayload: (pem, payload) => sign(null, Buffer.from(payload, "utf8"), pem).toString("base64url"),
      // An Ed25519 SPKI is a fixed prefix and the 32 bytes of the key.
      publicKeyRawBase64UrlFromPem: (pem) =>
        createPublicKey(pem).export({ type: "spki", format: "der" }).subarray(-32).toString("base64url"),
    },
  };
}

/** The options of one chat, checked. */
export interface ChatRequest extends ChatOptions {
  readonly runId: string;
  readonly totalMs: number;
}

/** @throws ClientError of kind `invalid-argument` */
export function checkChat(options: ChatOptions): ChatRequest {
  const sessionKey = requireSessionKey(options?.sessionKey);
  const { message, attachments, idempotencyKey, timeoutMs } = options;
  if (typeof message !== "string" || (message.trim() === "" && !attachments?.length)) {
    throw new ClientError("invalid-argument", "message is empty, and there is no attachment");
  }
  if (message.length > MAX_MESSAGE_LENGTH) throw new ClientError("invalid-argument", "message is too long");
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== "string" || idempotencyKey.trim() === "")) {
    throw new ClientError("invalid-argument", "idempotencyKey must be a non-empty text");
  }
  if ("history" in options) {
    throw new ClientError("invalid-argument", "chat takes no history: the session holds it, see history()");
  }
  const totalMs = positive("timeoutMs", timeoutMs, 600_000);
  return { ...options, sessionKey, runId: idempotencyKey ?? randomUUID(), totalMs };
}
