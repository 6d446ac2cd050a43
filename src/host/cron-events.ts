/** What takes the place of the release's functions for system events and wakes. */
import { type EnqueueSystemEvent, type RemapHost, SystemEvents } from "./system-events.ts";
import { type RequestWake, WakeTargets } from "./wake-target.ts";

type Replace = (original: (...args: never[]) => unknown) => unknown;

/**
 * Joins events and wakes of one process.
 *
 * @returns by function name, what makes the replacement from the release's own function
 */
export function cronEventReplacements(host: RemapHost): Readonly<Record<string, Replace>> {
  const events = new SystemEvents(host);
  const wakes = new WakeTargets(host, events);
  const enqueue: Replace = (original) => events.wrap(original as EnqueueSystemEvent);
  const request: Replace = (original) => wakes.wrap(original as RequestWake);
  return {
    enqueueSystemEvent: enqueue,
    enqueueSystemEventEntry: enqueue,
    enqueueOwnedSystemEventEntry: enqueue,
    enqueueSystemEventWithReceipt: enqueue,
    requestHeartbeat: request,
    requestHeartbeatNow: request,
    createSessionEventWakeRuntime: (original) => wakes.wrapRuntime(original as () => unknown),
  };
}
