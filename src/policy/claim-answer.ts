/** Reads the gateway's answer to a request for the claims that wait for it. */

/** A run that the gateway has started, just now if `fresh`. */
export interface StartedRun {
  readonly id: string;
  readonly fresh: boolean;
}

/** What the gateway's answer says about claims. */
export interface AcceptedAnswer {
  /** Further claimed keys, which the answer named. */
  readonly extraKeys?: readonly string[];
  /** Limits the claims to those of the request's keys that are in it. */
  readonly only?: readonly string[] | undefined;
  readonly run?: StartedRun | undefined;
}

/** A claim that waits for the gateway's answer. Settle it exactly once; later calls are ignored. */
export interface PendingClaim {
  /** The gateway accepted the request. */
  accept(answer?: AcceptedAnswer): void;
  /** The gateway refused the request, or failed. */
  reject(): void;
}
