/** Learns claims from the requests that the gateway accepts. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ClaimIntent } from "../policy/claim-intent.ts";
import type { GatewayClient, GatewayError, HandleRequest, RequestOptions, Respond } from "../gateway/types.ts";

/** The gateway's answer to a request, as far as claims depend on it. */
export interface Answer {
  readonly ok: boolean;
  readonly payload: unknown;
}

/** A request on whose answer claims depend. */
export interface OpenRequest {
  /** Called once, with the first answer, after the gateway has sent it. */
  answered(answer: Answer): void;
  /** The handler failed without an answer through us. */
  failed(): void;
}

/** What is sent in place of the gateway's answer. */
export type AnswerVerdict = { readonly payload: unknown } | { readonly refuse: GatewayError };

/** Whether a request reaches the gateway, and who looks at its answers. Undefined: as upstream. */
export type Admission =
  | { readonly refuse: GatewayError }
  /** Called for each answer that is no error, before it is sent. Does not throw. */
  | { answered(payload: unknown): AnswerVerdict }
  | undefined;

/** What the request path asks. Nothing here throws. */
export interface RequestGate {
  admit(client: GatewayClient, method: string, params: unknown): Admission;
  /** @returns an error to answer instead of asking the gateway, or what the request does to claims, if anything */
  intentOf(method: string, params: unknown): { readonly refuse: GatewayError } | ClaimIntent | undefined;
  /** @returns an error to answer instead of asking the gateway, or the request to settle */
  begin(client: GatewayClient | undefined, intent: ClaimIntent): { refuse: GatewayError } | OpenRequest | undefined;
}

/**
 * The connection whose request is being handled, and who looks at the answer. What the gateway asks in
 * its name then (nested) is not its asking.
 */
const handling = new AsyncLocalStorage<{
  readonly connId: string;
  readonly nested: boolean;
  readonly admission: Exclude<Admission, { refuse: unknown }>;
}>();

/**
 * Wraps the gateway's `handleGatewayRequest`. Requests without a claim pass untouched.
 *
 * @param between what an admitted request passes before its claims begin, such as the wait for a heartbeat:
 *   a request that is not admitted sets nothing off
 */
export function watchRequests(
  original: HandleRequest,
  gate: RequestGate,
  between: (handle: HandleRequest) => HandleRequest = (handle) => handle,
): HandleRequest {
  return admitRequests(between(claimByRequests(original, gate)), gate);
}

function admitRequests(handle: HandleRequest, gate: RequestGate): HandleRequest {
  return function handleGatewayRequest(opts, ...rest) {
    const { client, req } = opts;
    if (!client) return handle(opts, ...rest);
    // Plugins and tools dispatch requests under the very client whose request they serve.
    const nested = handling.getStore()?.connId === client.connId;
    const admission = nested ? undefined : gate.admit(client, req.method, req.params);
    if (admission && "refuse" in admission) {
      opts.respond(false, undefined, admission.refuse);
      return Promise.resolve();
    }
    return handling.run({ connId: client.connId, nested, admission }, () => handle(opts, ...rest));
  };
}

function claimByRequests(original: HandleRequest, gate: RequestGate): HandleRequest {
  return (opts, ...rest) => {
    const { client, req } = opts;
    const intent = gate.intentOf(req.method, req.params);
    if (intent && "refuse" in intent) {
      opts.respond(false, undefined, intent.refuse);
      return Promise.resolve();
    }
    const { nested = false, admission } = (client && handling.getStore()) || {};
    // The claim goes by what is sent: an answer that the rules take back makes none.
    const ask = (own: RequestOptions): Promise<unknown> =>
      original(admission ? withRespond(own, lookedAt(own.respond, admission)) : own, ...rest);
    const request = intent && gate.begin(client && !nested ? client : undefined, intent);
    if (request && "refuse" in request) {
      opts.respond(false, undefined, request.refuse);
      return Promise.resolve();
    }
    return request ? settleWith(request, opts, ask) : ask(opts);
  };
}

/** Sends of each answer what the access rules leave of it. */
function lookedAt(respond: Respond, { answered }: Extract<Admission, { answered: unknown }>): Respond {
  return (ok, payload, ...rest) => {
    if (!ok) return respond(ok, payload, ...rest);
    const verdict = answered(payload);
    if ("refuse" in verdict) respond(false, undefined, verdict.refuse);
    else respond(ok, verdict.payload, ...rest);
  };
}

async function settleWith(
  request: OpenRequest,
  opts: RequestOptions,
  handle: (opts: RequestOptions) => Promise<unknown>,
): Promise<unknown> {
  let answered = false;
  const respond = opts.respond;
  const watched: Respond = (ok, payload, ...rest) => {
    try {
      respond(ok, payload, ...rest);
    } finally {
      // `agent` answers twice, "accepted" and the result: the first one decides.
      if (!answered) {
        answered = true;
        request.answered({ ok, payload });
      }
    }
  };
  try {
    return await handle(withRespond(opts, watched));
  } catch (error) {
    // The caller answers for the handler, past us.
    if (!answered) request.failed();
    throw error;
  }
}

/** In place where possible: releases keep what they know about a request under its identity. */
function withRespond(opts: RequestOptions, respond: Respond): RequestOptions {
  if (Reflect.set(opts, "respond", respond)) return opts;
  return { ...opts, respond };
}
