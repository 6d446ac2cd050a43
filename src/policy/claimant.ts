/** One connection's claims, in the order of their use. */
import { Claim } from "./claim.ts";
import type { Left } from "./parked.ts";

/** Which sessions a connection may claim at all; keys are canonical. */
export interface ClaimAccess {
  allows(key: string): boolean;
}

export class Claimant<C> {
  /** The least recently used first. */
  readonly claims = new Map<string, Claim>();
  /** Of these, accepted by the gateway. */
  accepted = 0;
  /** Undefined for all sessions. */
  access: ClaimAccess | undefined;
  /** What it left behind for one that comes back. */
  left: Left<C> | undefined;

  mayHave(key: string): boolean {
    return this.access === undefined || this.access.allows(key);
  }

  /** The claim on a session, used just now; made if there is none. */
  use(key: string): Claim {
    const claim = this.claims.get(key) ?? new Claim();
    this.claims.delete(key);
    this.claims.set(key, claim);
    return claim;
  }

  /** Whether it may subscribe in so many words to these sessions too: claims of other kinds make room for them. */
  maySubscribe(keys: readonly string[], limit: number): boolean {
    if (this.claims.size + keys.length <= limit) return true;
    let subscribed = keys.filter((key) => this.claims.get(key)?.subscribed !== true).length;
    for (const claim of this.claims.values()) if (claim.subscribed) subscribed += 1;
    return subscribed <= limit;
  }

  /** The session to forget first: not one that was subscribed explicitly, nor one that waits for an answer. */
  leastUsed(): string | undefined {
    for (const [key, claim] of this.claims) if (claim.accepted && !claim.pending && !claim.explicit) return key;
    return undefined;
  }
}
