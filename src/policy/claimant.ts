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
  /** Those of them that the gateway has accepted. */
  accepted = 0;
  /** Undefined for all sessions. */
  access: ClaimAccess | undefined;
  /** The state that is kept in case the client comes back. */
  left: Left<C> | undefined;

  mayHave(key: string): boolean {
    return this.access === undefined || this.access.allows(key);
  }

  /** The claim on a session, marked as just used; created if missing. */
  use(key: string): Claim {
    const claim = this.claims.get(key) ?? new Claim();
    this.claims.delete(key);
    this.claims.set(key, claim);
    return claim;
  }

  /** Whether it may also subscribe explicitly to these sessions: claims of other kinds make room for them. */
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
