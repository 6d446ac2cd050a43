/** Clients that lose their connection and come back: their identity, and what is kept for them. */
import { namesInstance } from "../gateway/client-identity.ts";
import type { GatewayClient } from "../gateway/types.ts";
import type { Later } from "../policy/later.ts";
import { Parked } from "../policy/parked.ts";

export interface Identity {
  readonly identity: string;
  readonly ms: number;
  readonly unique: boolean;
}

/** One per process: what is kept for lost connections outlives an in-process restart of the gateway. */
export class Returning {
  readonly later: Later;
  readonly parked: Parked<GatewayClient>;
  readonly #identity: (client: GatewayClient) => string | undefined;

  /**
   * @param identity who a connection is for one that comes back; undefined for one that cannot prove it
   * @param failed called when a delayed action threw
   */
  constructor(identity: (client: GatewayClient) => string | undefined, failed: () => void) {
    this.#identity = identity;
    // The timer keeps no process alive, and the module never throws into the gateway.
    this.later = (ms, action) => {
      const timer = setTimeout(() => {
        try {
          action();
        } catch {
          failed();
        }
      }, ms).unref();
      return () => clearTimeout(timer);
    };
    this.parked = new Parked(this.later);
  }

  /**
   * The identity under which a connection's claims are kept for `ms` or given back; undefined if it cannot prove one,
   * or for 0. It is unique if the client names its instance: otherwise two windows of a program have the same.
   */
  as(client: GatewayClient, ms: number): Identity | undefined {
    const identity = ms > 0 ? this.#identity(client) : undefined;
    return identity === undefined ? undefined : { identity, ms, unique: namesInstance(client) };
  }

  /** Whether two connections are proven to be of one client. */
  isSame(one: GatewayClient, other: GatewayClient): boolean {
    const identity = this.#identity(one);
    return identity !== undefined && identity === this.#identity(other);
  }
}

/** Keeps nothing for anybody. */
export function nobodyReturns(): Returning {
  return new Returning(
    () => undefined,
    () => {},
  );
}
