/** Replaces the release's functions for system events and wakes. */
import { isHeartbeatAck } from "../policy/cron-keys.ts";
import { redirectEvents, redirectWakes } from "./redirect.ts";
import { type EnqueueSystemEvent, type RemapHost, SystemEvents } from "./cron-events.ts";
import { inTargetedHeartbeat } from "./errands.ts";
import { type RequestWake, WakeTargets } from "./cron-wakes.ts";

type Replace = (original: (...args: never[]) => unknown) => unknown;

/**
 * Joins events and wakes of one process.
 *
 * @returns by function name, what makes the replacement from the release's own function
 */
export function cronEventReplacements(host: RemapHost): Readonly<Record<string, Replace>> {
  const events = new SystemEvents(host);
  const wakes = new WakeTargets(host, events);
  const enqueue: Replace = (original) => redirectEvents(events.wrap(original as EnqueueSystemEvent));
  const request: Replace = (original) => redirectWakes(wakes.wrap(original as RequestWake));
  return {
    enqueueSystemEvent: (original) => redirectEvents(events.wrap(original as EnqueueSystemEvent, true)),
    enqueueSystemEventEntry: enqueue,
    enqueueOwnedSystemEventEntry: enqueue,
    enqueueSystemEventWithReceipt: enqueue,
    requestHeartbeat: request,
    requestHeartbeatNow: request,
    buildPendingFinalDeliveryText: (original) => withoutAcks(original as () => unknown, host),
    enqueueHeartbeatRequest: (original) => wakes.reroute(original as RequestWake),
    createSessionEventWakeRuntime: (original) => wakes.wrapRuntime(original as () => unknown),
  };
}

/**
 * 2026.5 remembers a heartbeat's reply as not yet delivered, repeats it instead of the next heartbeat's model call,
 * and still takes that heartbeat's events out of their queue. The module keeps it from remembering an
 * acknowledgement, which is delivered to nobody, and the reply of a targeted heartbeat, which the release delivers
 * itself if it has a recipient.
 */
function withoutAcks(original: (...args: unknown[]) => unknown, host: RemapHost): (...args: unknown[]) => unknown {
  return (...args) => {
    const text = original(...args);
    try {
      return inTargetedHeartbeat() || (host.enabled() && isHeartbeatAck(text)) ? "" : text;
    } catch {
      host.count("error");
      return text;
    }
  };
}
