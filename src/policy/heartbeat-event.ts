/** What of a `heartbeat` event is for everybody: that there was one, and how it went. */

import { fieldsOrNone } from "./fields.ts";

/** No preview, no recipient (`to`, `accountId`), no message, and nothing that a later release adds. */
const STATUS_FIELDS = ["ts", "status", "durationMs", "silent", "hasMedia", "channel", "indicatorType"] as const;

/** A reason such as `quiet-hours`; a failure's is an error text, which may quote anything. */
const PLAIN_REASON = /^[a-z][a-z-]{0,39}$/;

/**
 * The status of a `heartbeat` event, as the Control UI's indicator needs it.
 *
 * @param payload the event's payload, untrusted in shape
 */
export function heartbeatStatus(payload: unknown): Readonly<Record<string, unknown>> {
  const body = fieldsOrNone(payload);
  const status: Record<string, unknown> = {};
  for (const field of STATUS_FIELDS) {
    const value = body[field];
    if (["string", "number", "boolean"].includes(typeof value)) status[field] = value;
  }
  const { reason } = body;
  if (body["status"] !== "failed" && typeof reason === "string" && PLAIN_REASON.test(reason)) status["reason"] = reason;
  return status;
}
