/** A user's message takes precedence over a heartbeat that runs on its session. */
import {
  enqueueSystemEvent,
  peekSystemEventEntries,
  type SystemEvent,
} from "../infra/system-events.js";

type RunningHeartbeat = { preempt: () => void; settled: Promise<void> };

type HeartbeatRun<T> = { preempted: true } | { preempted: false; result: T };

/** An aborted run ends within a second or two; a message waits no longer than this for it. */
const PREEMPTION_TIMEOUT_MS = 10_000;

const running = new Map<string, RunningHeartbeat>();

/** Puts back what a run has taken out of its session's queue without answering it. */
function restoreSystemEvents(sessionKey: string, before: readonly SystemEvent[]): void {
  const left = new Set(peekSystemEventEntries(sessionKey).map((event) => event.text));
  for (const { text, ...event } of before) {
    if (!left.has(text)) {
      enqueueSystemEvent(text, { ...event, sessionKey });
    }
  }
}

/**
 * Runs a heartbeat's turn so that a message to its session can abort it. The events of an aborted
 * turn are back in their queue; the caller has to ask for another heartbeat.
 */
export async function runPreemptibleHeartbeat<T>(
  sessionKey: string,
  run: (abortSignal: AbortSignal) => Promise<T>,
): Promise<HeartbeatRun<T>> {
  const controller = new AbortController();
  const settled = Promise.withResolvers<void>();
  const heartbeat = { preempt: () => controller.abort(), settled: settled.promise };
  const before = peekSystemEventEntries(sessionKey);
  running.set(sessionKey, heartbeat);
  try {
    const result = await run(controller.signal);
    if (!controller.signal.aborted) {
      return { preempted: false, result };
    }
  } catch (error) {
    if (!controller.signal.aborted) {
      throw error;
    }
  } finally {
    if (running.get(sessionKey) === heartbeat) {
      running.delete(sessionKey);
    }
    settled.resolve();
  }
  restoreSystemEvents(sessionKey, before);
  return { preempted: true };
}

/** Aborts the heartbeat that runs on a session, if any, and waits until it has ended. */
export async function preemptHeartbeat(
  sessionKey: string | undefined,
  timeoutMs = PREEMPTION_TIMEOUT_MS,
): Promise<void> {
  const heartbeat = sessionKey ? running.get(sessionKey) : undefined;
  if (!heartbeat) {
    return;
  }
  heartbeat.preempt();
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, timeoutMs);
  await Promise.race([heartbeat.settled, timeout.promise]);
  clearTimeout(timer);
}
