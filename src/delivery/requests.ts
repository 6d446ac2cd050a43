/**
 * The path of a request: the steps that it passes before the gateway's own handler gets it, and that its answers pass
 * on the way back.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { type ClaimIntent, claimIntent } from "../policy/claim-intent.ts";
import { type Fields, fieldsOrNone } from "../policy/fields.ts";
import type { GatewayClient, GatewayError, HandleRequest, RequestOptions, Respond } from "../gateway/types.ts";

/** A request as every step sees it. It is parsed once. */
export interface GatewayRequest {
  /** The client that asks; undefined for a request of the gateway itself, e.g. for its command line. */
  readonly client: GatewayClient | undefined;
  /** The gateway makes this request while it serves another one of the same client: it is not the client's own. */
  readonly nested: boolean;
  readonly method: string;
  /** Untrusted; empty where the request has none. */
  readonly params: Fields;
  /** What the request says about claims. */
  readonly intent: ClaimIntent | undefined;
  /** Canonical keys of the sessions that the intent names; those that cannot be one are left out. */
  readonly keys: readonly string[];
}

/** An answer of the gateway. `agent` gives two, "accepted" and the result. */
export interface Answer {
  readonly ok: boolean;
  readonly payload?: unknown;
  readonly error?: GatewayError | undefined;
  /** The gateway repeats the answer to an earlier request with the same idempotency key, which may be another's. */
  readonly repeated?: true;
}

/** A step's part in a request. All members are optional; none of them throws. */
export interface Passage {
  /** What the request waits for before it goes on to the next step. */
  readonly ready?: Promise<void> | undefined;
  /** What the gateway gets instead of the request's parameters. */
  readonly params?: object;
  /** Runs the gateway's handler, e.g. in an async context. */
  around?(handle: () => Promise<unknown>): Promise<unknown>;
  /** Sees each answer before it is sent; returns what is sent instead. */
  answering?(answer: Answer): Answer;
  /** Called once, after the first answer was sent, with what was sent. */
  answered?(answer: Answer): void;
  /** Called after each further answer was sent. */
  answeredAgain?(answer: Answer): void;
  /**
   * Called once, when the handler has returned or thrown, or another step has refused the request. `unanswered`: no
   * answer of the gateway passed the module, and none will.
   */
  ended?(unanswered: boolean): void;
}

/** A step's decision on a request: an error instead of the gateway's answer, its part in it, or nothing. */
export type Step = (request: GatewayRequest) => { readonly refuse: GatewayError } | Passage | undefined;

/** What the path asks of the gateway at hand. */
export interface RequestReader {
  /** Canonical keys of the sessions that a request names. May throw. */
  keysOf(intent: ClaimIntent, client: GatewayClient | undefined): readonly string[];
  /** The answer to a request that could not be read. */
  unreadable(client: GatewayClient | undefined, method: unknown): GatewayError;
}

/** The client whose request is being handled. */
const handling = new AsyncLocalStorage<string>();

/**
 * Wraps the gateway's `handleGatewayRequest`. A request passes the steps in their order; its answers pass them in the
 * opposite one. A request that concerns no step goes on unchanged.
 *
 * @param original the release's own function
 * @param steps none of them throws; the first that refuses ends the request
 */
export function passSteps(original: HandleRequest, steps: readonly Step[], reader: RequestReader): HandleRequest {
  return function handleGatewayRequest(opts, ...rest) {
    const client = opts.client ?? undefined;
    // Plugins and tools dispatch requests under the client whose request they serve.
    const nested = client !== undefined && handling.getStore() === client.connId;
    const request = read(opts, client, nested, reader);
    if (!request) return refuse(opts, reader.unreadable(client, opts.req.method));
    const handle = (own: RequestOptions): Promise<unknown> => original(own, ...rest);
    const pass = (): Promise<unknown> => new Course(opts, handle).from(request, steps);
    return client && !nested ? handling.run(client.connId, pass) : pass();
  };
}

function read(
  { req }: RequestOptions,
  client: GatewayClient | undefined,
  nested: boolean,
  reader: RequestReader,
): GatewayRequest | undefined {
  try {
    const { method } = req;
    const params = fieldsOrNone(req.params);
    const intent = claimIntent(method, params);
    return { client, nested, method, params, intent, keys: intent ? reader.keysOf(intent, client) : [] };
  } catch {
    return undefined;
  }
}

function refuse({ respond }: RequestOptions, error: GatewayError): Promise<void> {
  respond(false, undefined, error);
  return Promise.resolve();
}

/** One request on its way. */
class Course {
  readonly #opts: RequestOptions;
  readonly #handle: (opts: RequestOptions) => Promise<unknown>;
  /** Of the steps passed so far, in their order. */
  readonly #passages: Passage[] = [];
  #answered = false;

  constructor(opts: RequestOptions, handle: (opts: RequestOptions) => Promise<unknown>) {
    this.#opts = opts;
    this.#handle = handle;
  }

  /** Passes the steps; waits only where one of them has something to wait for. */
  from(request: GatewayRequest, steps: readonly Step[]): Promise<unknown> {
    for (const [index, step] of steps.entries()) {
      const word = step(request);
      if (!word) continue;
      if ("refuse" in word) {
        this.#ended(true);
        return refuse(this.#opts, word.refuse);
      }
      this.#passages.push(word);
      if (word.ready) return word.ready.then(() => this.from(request, steps.slice(index + 1)));
    }
    return this.#passages.length > 0 ? this.#arrive() : this.#handle(this.#opts);
  }

  async #arrive(): Promise<unknown> {
    let own = this.#watched();
    const params = this.#passages.find((passage) => passage.params)?.params;
    // A copy only here: releases keep what they know about a request under its identity.
    if (params) own = { ...own, req: { ...own.req, params } };
    let handle = (): Promise<unknown> => this.#handle(own);
    for (const passage of this.#passages) {
      const inner = handle;
      if (passage.around) handle = () => passage.around!(inner);
    }
    let threw = true;
    try {
      const result = await handle();
      threw = false;
      return result;
    } finally {
      this.#ended(threw);
    }
  }

  #ended(threw = false): void {
    for (const passage of this.#passages) passage.ended?.(threw && !this.#answered);
  }

  /** The request's options, with the one `respond` that all answers go through. */
  #watched(): RequestOptions {
    const { respond } = this.#opts;
    const watched: Respond = (ok, payload, error, ...more) => {
      let answer: Answer = { ok, payload, error };
      for (const passage of this.#passages.toReversed()) answer = passage.answering?.(answer) ?? answer;
      if (fieldsOrNone(more[0])["cached"] === true) answer = { ...answer, repeated: true };
      try {
        respond(answer.ok, answer.payload, answer.error, ...more);
      } finally {
        const first = !this.#answered;
        this.#answered = true;
        for (const passage of this.#passages) {
          if (first) passage.answered?.(answer);
          else passage.answeredAgain?.(answer);
        }
      }
    };
    return Reflect.set(this.#opts, "respond", watched) ? this.#opts : { ...this.#opts, respond: watched };
  }
}
