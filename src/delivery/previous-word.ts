/**
 * The word that a run sent before, and who got it: its next word goes to the same, unless something has changed since.
 * Words come in series, and this comparison costs less than the look-ups of a decision.
 */
import type { GatewayClient } from "../gateway/types.ts";
import type { Claimers } from "../policy/claims.ts";
import { type Fields, fieldsOf } from "../policy/fields.ts";
import { isWord } from "../policy/run-sign.ts";

export class PreviousWord {
  /** Those who got it. */
  claimers: Claimers<GatewayClient> | undefined;
  #recipients: ReadonlySet<GatewayClient> | undefined;
  #changes = -1;
  #runId: unknown;
  #sessionKey: unknown;
  #agentId: unknown;
  #optionsAgentId: unknown;
  #optionsKey: unknown;

  /**
   * Whether this event is the next word of that run, and goes to the same.
   *
   * @param payload of any event
   * @param changes all that have been counted so far
   */
  isNext(event: string, payload: unknown, opts: unknown, changes: number): boolean {
    const body = payload as Fields;
    // Of other events nothing is read.
    if (changes !== this.#changes || !isWord(event, body)) return false;
    if (body["runId"] !== this.#runId || body["sessionKey"] !== this.#sessionKey) return false;
    if (body["agentId"] !== this.#agentId || body["spawnedBy"] !== undefined) return false;
    return this.#hasSameOptions(opts) && !Array.isArray(payload);
  }

  /**
   * The claimers as a Set, which the engine walks faster than other objects: a copy if it is only one, and live else. Made
   * for the second word of a series, as runs that speak in turns have no series.
   */
  get recipients(): ReadonlySet<GatewayClient> | undefined {
    return (this.#recipients ??= this.claimers?.asSet());
  }

  /** Whether the options name the same agent and session. */
  #hasSameOptions(opts: unknown): boolean {
    const options = fieldsOf(opts);
    if (options?.["agentId"] !== this.#optionsAgentId) return false;
    const keys = options?.["sessionKeys"];
    if (keys === undefined) return this.#optionsKey === undefined;
    return this.#optionsKey !== undefined && onlyItem(keys) === this.#optionsKey;
  }

  /**
   * Remembers a decision, if it was one on a word.
   *
   * @param payload of an event of a run, with the key of its one session, there and perhaps in the options
   * @param changes that had been counted when the decision began
   */
  keep(event: string, payload: Fields, opts: unknown, changes: number, claimers: Claimers<GatewayClient>): void {
    if (!isWord(event, payload)) return;
    const options = fieldsOf(opts);
    this.claimers = claimers;
    this.#recipients = undefined;
    this.#changes = changes;
    this.#runId = payload["runId"];
    this.#sessionKey = payload["sessionKey"];
    this.#agentId = payload["agentId"];
    this.#optionsAgentId = options?.["agentId"];
    this.#optionsKey = onlyItem(options?.["sessionKeys"]);
  }
}

function onlyItem(list: unknown): unknown {
  return Array.isArray(list) && list.length === 1 ? (list[0] as unknown) : undefined;
}
