/** The options of a frame that is kept for one connection. */
import type { GatewayClient } from "../gateway/types.ts";

/** The connection is not a recipient of the event at all. */
export const NOT_FOR_IT = Symbol("not for it");

/**
 * The options of a frame that is sent late. Upstream's `questionRecipient` may be asked only while
 * the event is published, so it is asked now.
 */
export function lateOptions(opts: unknown, client: GatewayClient): unknown {
  if (typeof opts !== "object" || opts === null || !("questionRecipient" in opts)) return opts;
  const { questionRecipient, ...rest } = opts;
  if (typeof questionRecipient !== "function") return opts;
  return (questionRecipient as (client: GatewayClient) => unknown)(client) === false ? NOT_FOR_IT : rest;
}
