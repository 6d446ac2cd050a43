/**
 * One connection's claim on one session: the requests that it rests on.
 *
 * Requests are numbered in the order they begin, since their answers may come in another; 0 means no request.
 */
export class Claim {
  /** The session, by its canonical key. */
  readonly key: string;
  /** How many events had gone to all claimers of the session when this claim was accepted. */
  since = 0;
  /** The last request on this session that the gateway accepted. */
  #acceptedBy = 0;
  /** The last accepted one that explicitly asked for the session's events. */
  #explicitBy = 0;
  /**
   * Unanswered requests, and whether they are explicit; nearly always none or one, but a client may send any number.
   */
  #pending: Map<number, boolean> | undefined;

  constructor(key = "") {
    this.key = key;
  }

  get accepted(): boolean {
    return this.#acceptedBy > 0;
  }

  get explicit(): boolean {
    return this.#explicitBy > 0;
  }

  get pending(): boolean {
    return this.#pending !== undefined;
  }

  /** Explicit, or explicitly requested by a request that waits for its answer. */
  get subscribed(): boolean {
    return this.explicit || (this.#pending !== undefined && [...this.#pending.values()].includes(true));
  }

  /** A request waits for its answer from now on. */
  begin(request: number, explicit = false): void {
    (this.#pending ??= new Map<number, boolean>()).set(request, explicit);
  }

  /** The answer has come, or will not. @returns false if the request was ended meanwhile: then it has no effect */
  settle(request: number): boolean {
    if (!this.#pending?.delete(request)) return false;
    if (this.#pending.size === 0) this.#pending = undefined;
    return true;
  }

  /** The last request that the claim rests on; 0 if it is not accepted. */
  get asOf(): number {
    return this.#acceptedBy;
  }

  /** Rests on what another claim rested on: as old as that one, so that a deletion under way ends it. */
  inherit(from: Claim): void {
    this.accept(from.#acceptedBy, false);
    if (from.explicit) this.accept(from.#explicitBy, true);
  }

  accept(request: number, explicit: boolean): void {
    this.#acceptedBy = Math.max(this.#acceptedBy, request);
    if (explicit) this.#explicitBy = Math.max(this.#explicitBy, request);
  }

  /** Cancels the effect of requests up to `asOf`, including unanswered ones. */
  end(asOf: number): void {
    if (this.#acceptedBy <= asOf) this.#acceptedBy = 0;
    if (this.#explicitBy <= asOf) this.#explicitBy = 0;
    const later = [...(this.#pending ?? [])].filter(([request]) => request > asOf);
    this.#pending = later.length > 0 ? new Map(later) : undefined;
  }
}
