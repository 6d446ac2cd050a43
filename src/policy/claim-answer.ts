/** What the gateway's answer to a request means to the claims that wait for it. */

/** A run that the gateway says it has started, just now if `fresh`. */
export interface StartedRun {
  readonly id: string;
  readonly fresh: boolean;
}

/** What the gateway's answer says about claims. */
export interface AcceptedAnswer {
  /** Claimed too: keys that the answer named. */
  readonly extraKeys?: readonly string[];
  /** Of the request's keys, those that are not in it are not claimed. */
  readonly only?: readonly string[] | undefined;
  readonly run?: StartedRun | undefined;
}

/** A claim that waits for the gateway's answer. Settle it exactly once; more is ignored. */
export interface PendingClaim {
  /** The gateway accepted the request. */
  accept(answer?: AcceptedAnswer): void;
  /** The gateway refused the request, or failed. */
  reject(): void;
}
