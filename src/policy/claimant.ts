/** One connection's claims, in the order of their use. */
import { Claim } from "./claim.ts";
import type { Left } from "./parked.ts";

/** Which sessions a connection may claim at all; keys are canonical. */
export interface ClaimAccess {
  allows(key: string): boolean;
}

const NONE: ReadonlyMap<string, Claim> = new Map<string, Claim>();

export class Claimant<C> {
  /** The claim, while there has been one at a time: nearly all connections have no more, and need no table. */
  #only: Claim | undefined;
  /** All claims, once there have been several; the least recently used first. */
  #all: Map<string, Claim> | undefined;
  /** Those of them that the gateway has accepted. */
  accepted = 0;
  /** Events that it has had by claims that ended since. */
  delivered = 0;
  /** Undefined for all sessions. */
  access: ClaimAccess | undefined;
  /** It has had what another connection left, and with it what answers may still bring. */
  resumed = false;
  /** The state that is kept in case the client comes back. */
  left: Left<C> | undefined;

  mayHave(key: string): boolean {
    return this.access === undefined || this.access.allows(key);
  }

  get size(): number {
    return this.#all ? this.#all.size : this.#only ? 1 : 0;
  }

  claim(key: string): Claim | undefined {
    return this.#all ? this.#all.get(key) : this.#only?.key === key ? this.#only : undefined;
  }

  /** The least recently used first. */
  claims(): Iterable<Claim> {
    return this.#only ? [this.#only] : (this.#all ?? NONE).values();
  }

  keys(): string[] {
    return Array.from(this.claims(), ({ key }) => key);
  }

  /** The claim on a session, marked as just used; created if missing. */
  use(key: string): Claim {
    const claim = this.claim(key) ?? new Claim(key);
    if (this.#only && this.#only !== claim) {
      this.#all = new Map([[this.#only.key, this.#only]]);
      this.#only = undefined;
    }
    if (!this.#all) return (this.#only = claim);
    this.#all.delete(key);
    this.#all.set(key, claim);
    return claim;
  }

  delete(key: string): void {
    if (this.#only?.key === key) this.#only = undefined;
    this.#all?.delete(key);
    if (this.#all?.size === 0) this.#all = undefined;
  }

  /** Whether it may also subscribe explicitly to these sessions: claims of other kinds make room for them. */
  maySubscribe(keys: readonly string[], limit: number): boolean {
    if (this.size + keys.length <= limit) return true;
    let subscribed = keys.filter((key) => this.claim(key)?.subscribed !== true).length;
    for (const claim of this.claims()) if (claim.subscribed) subscribed += 1;
    return subscribed <= limit;
  }

  /** The session to forget first: not one that was subscribed explicitly, nor one that waits for an answer. */
  leastUsed(): string | undefined {
    for (const claim of this.claims()) if (claim.accepted && !claim.pending && !claim.explicit) return claim.key;
    return undefined;
  }
}
