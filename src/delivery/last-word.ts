/**
 * The last word of a run, and who got it: the next word of the run goes to the same, unless something has changed since.
 * Words come in series, and this comparison costs less than the look-ups of a decision.
 */
import type { GatewayClient } from "../gateway/types.ts";
import type { Claimers } from "../policy/claims.ts";
import type { Fields } from "../policy/fields.ts";
import { isWord } from "../policy/run-sign.ts";

export class LastWord {
  #claimers: Claimers<GatewayClient> | undefined;
  #changes = -1;
  #runId: unknown;
  #sessionKey: unknown;
  #agentId: unknown;
  #ownerId: unknown;
  #explicit: unknown;

  /**
   * Those who get this event, if it is the next word of that run.
   *
   * @param payload of an event that need not be a word
   * @param changes all that have been counted so far
   */
  next(event: string, payload: unknown, opts: unknown, changes: number): Claimers<GatewayClient> | undefined {
    if (changes !== this.#changes || typeof payload !== "object" || payload === null) return undefined;
    const body = payload as Fields;
    if (body["runId"] !== this.#runId || body["sessionKey"] !== this.#sessionKey) return undefined;
    if (body["agentId"] !== this.#agentId || body["spawnedBy"] !== undefined) return undefined;
    if (!isWord(event, body) || !this.#isAsked(opts)) return undefined;
    return this.#claimers;
  }

  /** Whether the options name the same agent and session. */
  #isAsked(opts: unknown): boolean {
    if (typeof opts !== "object" || opts === null) return this.#ownerId === undefined && this.#explicit === undefined;
    const { agentId, sessionKeys } = opts as Fields;
    if (agentId !== this.#ownerId) return false;
    if (sessionKeys === undefined) return this.#explicit === undefined;
    return this.#explicit !== undefined && oneOf(sessionKeys) === this.#explicit;
  }

  /** Remembers a decision. @param payload of a word, with a run and a session's key */
  keep(payload: Fields, opts: unknown, changes: number, claimers: Claimers<GatewayClient>): void {
    const options = (opts ?? NONE) as Fields;
    this.#claimers = claimers;
    this.#changes = changes;
    this.#runId = payload["runId"];
    this.#sessionKey = payload["sessionKey"];
    this.#agentId = payload["agentId"];
    this.#ownerId = options["agentId"];
    this.#explicit = oneOf(options["sessionKeys"]);
  }
}

const NONE: Fields = {};

/** The only item of a list. */
function oneOf(list: unknown): unknown {
  return Array.isArray(list) && list.length === 1 ? (list[0] as unknown) : undefined;
}
