/** Clients that lose their connection and come back: who they are, and what waits for them. */
import type { GatewayClient } from "../gateway/types.ts";
import type { Later } from "../policy/later.ts";
import { Parked } from "../policy/parked.ts";

/** One for the process: what lost connections left behind outlives a restart of the gateway in it. */
export class Returning {
  readonly later: Later;
  readonly parked: Parked<GatewayClient>;
  readonly #identity: (client: GatewayClient) => string | undefined;

  /**
   * @param identity who a connection is for one that comes back; undefined for one that cannot prove it
   * @param failed told when what was to be done later threw
   */
  constructor(identity: (client: GatewayClient) => string | undefined, failed: () => void) {
    this.#identity = identity;
    // Such a timer keeps no process alive, and nothing of ours throws into the gateway.
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

  /** Whose claims a connection leaves behind for `ms`, or has again; nobody's if it cannot prove who it is, or for 0. */
  as(client: GatewayClient, ms: number): { readonly identity: string; readonly ms: number } | undefined {
    const identity = ms > 0 ? this.#identity(client) : undefined;
    return identity === undefined ? undefined : { identity, ms };
  }

  /** Whether two connections are proven to be of one client. */
  isSame(one: GatewayClient, other: GatewayClient): boolean {
    const identity = this.#identity(one);
    return identity !== undefined && identity === this.#identity(other);
  }
}
