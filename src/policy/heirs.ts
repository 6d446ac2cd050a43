/**
 * The connections with which clients came back: each has what an earlier connection of its client left, and what the
 * answers to the earlier one's requests still bring.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import type { PendingClaim, StartedRun } from "./claim-answer.ts";
import type { Claimant } from "./claimant.ts";
import type { Left } from "./parked.ts";
import type { Runs } from "./runs.ts";
import type { Starts } from "./starts.ts";

interface Heir<C> {
  readonly connection: C;
  readonly claimant: Claimant<C>;
}

interface HeirsHost<C> {
  readonly runs: Runs<C>;
  readonly starts: Starts<C>;
  isOpen(connection: C, claimant: Claimant<C>): boolean;
}

export class Heirs<C> {
  readonly #host: HeirsHost<C>;
  readonly #heirs = new WeakMap<Left<C>, Heir<C>>();

  constructor(host: HeirsHost<C>) {
    this.#host = host;
  }

  /** A connection has had what another one left. */
  add(left: Left<C>, connection: C, claimant: Claimant<C>): void {
    this.#heirs.set(left, { connection, claimant });
  }

  /** Follows what a connection left to its heir, or to what is left now: its client may have come and gone again. */
  lineOf(left: Left<C>): { readonly latest: Left<C>; readonly heir?: C } {
    let latest = left;
    for (;;) {
      const next = this.#heirs.get(latest);
      if (!next) return { latest };
      const { connection, claimant } = next;
      if (this.#host.isOpen(connection, claimant)) return { latest, heir: connection };
      if (!claimant.left) return { latest };
      latest = claimant.left;
    }
  }

  /**
   * Begins a request for a run whose connection had closed when the gateway handled it: the run is its client's.
   *
   * @param left undefined if no client can come back for it: the run waits for whoever asks for it
   */
  begin(left: Left<C> | undefined, keys: readonly string[]): PendingClaim {
    const { starts } = this.#host;
    const { latest, heir } = left ? this.lineOf(left) : {};
    const start = starts.begin(heir, keys);
    if (heir === undefined) latest?.starts.push(start);
    return {
      accept: ({ run, extraKeys = [] } = {}) => {
        if (run) this.started(left, run, [...keys, ...extraKeys]);
        starts.end(start);
      },
      reject: () => starts.end(start),
    };
  }

  /** The gateway has started a run for a connection that has closed. */
  started(left: Left<C> | undefined, run: StartedRun, keys: readonly string[]): void {
    const { latest, heir } = left ? this.lineOf(left) : {};
    const started = this.#host.runs.own(heir, run.id, keys, run.fresh);
    if (started && heir === undefined) latest?.runs.push(started);
  }
}
