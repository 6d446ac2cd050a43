/** How a message waits for the heartbeat that runs on its session. */
import type { HeartbeatRun } from "./run.ts";

/** How long a message waits for a heartbeat to end after it was aborted, or instead of aborting it. */
const HOLD_MS = 10_000;
/** How long an aborted heartbeat may take to clean up after its promise. */
const CLEAN_UP_MS = 2_000;
/** A little after that its session is free: until then 2026.5 answers with nothing. */
const AFTER_RUN_MS = 150;

/**
 * Waits until a heartbeat has ended and its session is free, twice {@link HOLD_MS} at most.
 *
 * @param preempt whether to abort it: at once, or where it is overdue, when it takes too long
 * @returns whether it has ended
 */
export async function untilFree(run: HeartbeatRun, preempt: boolean): Promise<boolean> {
  if (preempt && !run.overdue) run.preempt();
  const ended = run.settled
    .then(() => within(run.free(), CLEAN_UP_MS))
    .then(() => new Promise<void>((resolve) => setTimeout(resolve, AFTER_RUN_MS)));
  if (await within(ended, HOLD_MS)) return true;
  if (!preempt || run.preempted) return false;
  run.preempt();
  return within(ended, HOLD_MS);
}

/** Whether a promise settles in time. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
