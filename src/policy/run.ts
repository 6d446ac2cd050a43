/**
 * A run, who started it, and how its sessions and connections meet those of an event.
 *
 * `C` is the connection as the host knows it; it is only ever compared.
 */
import type { FewSet } from "./few-set.ts";

export interface Run<C> {
  readonly id: string;
  /** Canonical keys of its sessions. */
  readonly keys: readonly string[];
  /** Nearly always one. */
  readonly owners: Pick<FewSet<C>, "has" | "only" | "size" | typeof Symbol.iterator>;
  /** Connections that wait for the gateway's permission, with their number of requests; nearly always none. */
  readonly waiting: ReadonlyMap<C, number> | undefined;
}

/** Whether a run goes only to connections that claim its session. */
export function isAmong<C>(
  { owners, waiting }: Run<C>,
  claimers: { has(connection: C): boolean } | undefined,
): boolean {
  if (waiting !== undefined && waiting.size > 0) return false;
  if (!claimers) return owners.size === 0;
  const { only } = owners;
  if (only !== undefined) return claimers.has(only);
  for (const owner of owners) if (!claimers.has(owner)) return false;
  return true;
}

/** Whether two short lists have a common item. No closure: called for every event of a run. */
export function meet(some: readonly string[], others: readonly string[]): boolean {
  for (const each of some) if (others.includes(each)) return true;
  return false;
}
