/** Recipient projection of `task` and `cron` events: what a run was asked and said is session text. */
import {
  GATEWAY_CLIENT_CAPS,
  hasGatewayClientCap,
} from "../../packages/gateway-protocol/src/client-info.js";
import { parseAgentSessionKey } from "../routing/session-key.js";
import { isBrowserCopilotClient } from "../utils/message-channel.js";
import type { GatewayWsClient } from "./server/ws-types.js";
import { resolveSessionSubscriptionKey } from "./session-subscription-keys.js";

/** What a list shows of a task whose session the recipient has not subscribed to. */
const TASK_STATUS_FIELDS = [
  "id",
  "taskId",
  "kind",
  "runtime",
  "status",
  "agentId",
  "createdAt",
  "updatedAt",
  "startedAt",
  "endedAt",
  "toolUseCount",
  "deliveryStatus",
  "terminalOutcome",
] as const;

/** The same of a cron event; the list itself comes from `cron.list`. */
const CRON_STATUS_FIELDS = [
  "jobId",
  "action",
  "status",
  "completionStatus",
  "runId",
  "runAtMs",
  "durationMs",
  "nextRunAtMs",
  "delivered",
  "deliveryStatus",
] as const;

type EventScope = { sessionKeys: readonly string[]; agentId?: string };

type Subscribers = {
  sessionEventSubscribers: { getAll: () => ReadonlySet<string> };
  sessionMessageSubscribers: { get: (sessionKey: string) => ReadonlySet<string> };
};

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function pick(record: Record<string, unknown>, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    fields.flatMap((field) => (record[field] === undefined ? [] : [[field, record[field]]])),
  );
}

/** The event without session text and keys, and the session of its run; undefined where it has neither. */
function describeRunEvent(
  event: string,
  payload: unknown,
): { status: Record<string, unknown>; runKey: unknown; agentId: unknown } | undefined {
  const record = asRecord(payload);
  if (event === "cron" && record) {
    const { sessionKey, job } = record;
    return {
      status: pick(record, CRON_STATUS_FIELDS),
      runKey: sessionKey,
      agentId: asRecord(job)?.agentId,
    };
  }
  const task = event === "task" ? asRecord(record?.task) : undefined;
  if (!record || !task) {
    return undefined;
  }
  return {
    status: { action: record.action, task: pick(task, TASK_STATUS_FIELDS) },
    runKey: task.childSessionKey,
    agentId: task.agentId,
  };
}

/** The session that a task without a requester runs in: a cron run's own, or the one its job is bound to. */
export function resolveTaskRunSessionTarget(task: {
  childSessionKey?: string;
  agentId?: string;
}): { sessionKey: string; agentId?: string } | undefined {
  const sessionKey = task.childSessionKey?.trim();
  if (!sessionKey) {
    return undefined;
  }
  const agentId = parseAgentSessionKey(sessionKey)?.agentId ?? task.agentId;
  return { sessionKey, ...(agentId ? { agentId } : {}) };
}

/**
 * Prepares what each recipient of a `task` or `cron` event gets. The subscribers of one of its
 * sessions get it whole, as do clients of the broad `sessions.subscribe` unless they are scoped.
 * Everybody else learns that a task or a job has changed, and asks for it if they may.
 *
 * Returns undefined if nothing must be withheld.
 */
export function prepareRunEventProjection(
  event: string,
  payload: unknown,
  scope: EventScope,
  subscribers: Subscribers,
): ((client: GatewayWsClient) => unknown) | undefined {
  const described = describeRunEvent(event, payload);
  if (!described) {
    return undefined;
  }
  const { status, runKey, agentId } = described;
  const keys = scope.sessionKeys.map((key) => subscriptionKey(key, scope.agentId));
  if (typeof runKey === "string" && runKey.trim()) {
    keys.push(subscriptionKey(runKey.trim(), agentId));
  }
  const { sessionEventSubscribers, sessionMessageSubscribers } = subscribers;
  return (client) => {
    const { connId, connect } = client;
    const whole =
      keys.some((key) => sessionMessageSubscribers.get(key).has(connId)) ||
      (sessionEventSubscribers.getAll().has(connId) &&
        !isBrowserCopilotClient(connect.client) &&
        !hasGatewayClientCap(connect.caps, GATEWAY_CLIENT_CAPS.SESSION_SCOPED_EVENTS));
    return whole ? payload : status;
  };
}

function subscriptionKey(sessionKey: string, agentId: unknown): string {
  return typeof agentId === "string" && agentId.trim()
    ? resolveSessionSubscriptionKey(sessionKey, agentId)
    : sessionKey;
}
