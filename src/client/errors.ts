/** The one error class of the client: what went wrong, and whether the same call may be made again. */

/**
 * What went wrong.
 *
 * - `invalid-argument`: the call itself is wrong; nothing was sent
 * - `auth`: the gateway refused the token or the device, at connect or after it was revoked
 * - `refused`: the gateway answered a request with an error; `code` holds its code
 * - `disconnected`: the connection was lost and the outcome could not be determined within `recoverMs`
 * - `gateway-restarted`: the gateway was restarted during the run, and its history holds no reply
 * - `unresponsive`: the gateway is connected but does not answer
 * - `lost-reply`: the gateway ended the run without a reply and without having run it (a heartbeat took it, or it was
 *   merged into another run); the session's history may show it later
 * - `model`: the run ended with an error
 * - `timeout`: the chat took longer than `timeoutMs`
 * - `slow-consumer`: more than `maxQueuedEvents` events were waiting to be read
 * - `aborted`: the run was aborted (only as the rejection of `finalText()`)
 * - `closed`: the client was closed
 * - `busy`: more than `maxWaitingChats` chats wait for one session
 * - `unsupported`: this release cannot do it
 */
export type ClientErrorKind =
  | "invalid-argument"
  | "auth"
  | "refused"
  | "disconnected"
  | "gateway-restarted"
  | "unresponsive"
  | "lost-reply"
  | "model"
  | "timeout"
  | "slow-consumer"
  | "aborted"
  | "closed"
  | "busy"
  | "unsupported";

/** Everything that this client throws or reports. Holds no token and no reference to the connection. */
export class ClientError extends Error {
  readonly kind: ClientErrorKind;
  /** True only if the message was certainly not run: the same call may be made again as it is. */
  readonly retryable: boolean;
  /** The gateway's own error code, where it gave one. */
  readonly code: string | undefined;

  /**
   * @param kind what went wrong
   * @param message what to tell a person; must not hold a secret
   */
  constructor(kind: ClientErrorKind, message: string, more: { retryable?: boolean; code?: string | undefined } = {}) {
    super(message);
    this.name = "ClientError";
    this.kind = kind;
    this.retryable = more.retryable ?? false;
    this.code = more.code;
  }

  /** As plain data, for logs and HTTP answers. */
  toJSON(): { name: string; kind: ClientErrorKind; message: string; retryable: boolean; code?: string } {
    const { name, kind, message, retryable, code } = this;
    return { name, kind, message, retryable, ...(code === undefined ? {} : { code }) };
  }
}

/** Makes a function that takes secrets out of texts, in their plain and their URL-encoded form. */
export function redactor(secrets: readonly (string | undefined)[]): (text: string) => string {
  const forms = secrets
    .flatMap((secret) => (secret ? [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)] : []))
    .filter((form) => form.length > 0);
  return (text) => forms.reduce((rest, form) => rest.replaceAll(form, "***"), text);
}

const AUTH =
  /unauthori[sz]ed|token mismatch|token (?:missing|required|expired|revoked)|pairing required|not paired|device (?:signature|identity|nonce)|password (?:mismatch|missing)|auth(?:entication)? failed/i;
const AUTH_CODES = /^(?:AUTH_|DEVICE_|PAIRING_|NOT_PAIRED|UNAUTHORIZED)/;

/** Whether a failed connect was refused for the credentials: trying again with the same ones is of no use. */
export function isAuthFailure(error: unknown): boolean {
  const { gatewayCode, details, message } = (error ?? {}) as {
    gatewayCode?: unknown;
    details?: { code?: unknown } | null;
    message?: unknown;
  };
  const codes = [gatewayCode, details?.code].filter((code): code is string => typeof code === "string");
  // Too many wrong attempts by somebody else come from this address too: that passes.
  if (codes.includes("AUTH_RATE_LIMITED")) return false;
  return codes.some((code) => AUTH_CODES.test(code)) || AUTH.test(String(message ?? ""));
}

/** The rejection of one request as a {@link ClientError}, without what the official client attaches to it. */
export function requestError(method: string, error: unknown, redact: (text: string) => string): ClientError {
  if (error instanceof ClientError) return error;
  const { gatewayCode, code, retryable, message } = (error ?? {}) as {
    gatewayCode?: unknown;
    code?: unknown;
    retryable?: unknown;
    message?: unknown;
  };
  const text = redact(String(message ?? error));
  if (typeof gatewayCode === "string") {
    const waits = retryable === true || gatewayCode === "UNAVAILABLE";
    return new ClientError("refused", `${method}: ${text}`, { code: gatewayCode, retryable: waits });
  }
  if (code === "CLIENT_TIMEOUT") return new ClientError("unresponsive", `${method}: ${text}`);
  return new ClientError("disconnected", `${method}: ${text}`);
}
