/**
 * One heartbeat run: what belongs to it, how it is aborted, and how a message waits for its end. Code that a
 * heartbeat starts runs in an async context, which identifies its frames, run handles and drained events.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Wake } from "../policy/heartbeat.ts";
import { TakenEvents } from "./taken-events.ts";

/** The sessions of a heartbeat, as the release names them. */
export interface HeartbeatSessions {
  /** The session whose events it takes and that gets its alerts. */
  readonly home: unknown;
  /** Where it runs. */
  readonly own: unknown;
  /** The file that holds the first one's entry. */
  readonly storePath?: unknown;
}

/** One heartbeat, from the call until its promise settles. */
export class HeartbeatRun {
  readonly wake: Wake;
  /** The session that it works for and whose events it takes: another one if it runs on its own session. */
  readonly home: string;
  /** The same as the release names them. */
  readonly sessions: HeartbeatSessions;
  /** It was deferred for as long as allowed: requests wait for it instead of aborting it at once. */
  readonly overdue: boolean;
  readonly settled: Promise<void>;
  /** What it took out of the queues. */
  readonly events = new TakenEvents();
  /** The agent run of this heartbeat; a later run in the same context is not the heartbeat's own. */
  runId: string | undefined;
  /** The release's reply, before it is delivered. */
  reply: unknown;
  #settle!: () => void;
  #live = true;
  #preempted = false;
  #aborted = false;
  #adopted = false;
  #handle: object | undefined;
  #released: PromiseWithResolvers<void> | undefined;

  /** @param home canonical */
  constructor(
    wake: Wake,
    overdue: boolean,
    home = wake.sessionKey,
    sessions: HeartbeatSessions = { home, own: wake.sessionKey },
  ) {
    this.wake = wake;
    this.home = home;
    this.sessions = sessions;
    this.overdue = overdue;
    this.settled = new Promise((resolve) => (this.#settle = resolve));
  }

  get live(): boolean {
    return this.#live;
  }

  get preempted(): boolean {
    return this.#preempted;
  }

  /** Its model call was cut short: whatever it answers is not an answer. */
  get aborted(): boolean {
    return this.#aborted;
  }

  /** Its model has answered: what is left, such as the delivery, holds no lane, unless another model is asked. */
  get answered(): boolean {
    return this.#adopted && !this.#handle && !this.#aborted;
  }

  /** Ends the run now or, if it has not come to the model yet, as soon as it does. */
  preempt(): void {
    this.#preempted = true;
    this.#abort();
  }

  /** Takes the handle by which the gateway itself aborts the run. */
  adopt(handle: unknown): void {
    if (typeof (handle as { abort?: unknown } | null | undefined)?.abort !== "function") return;
    this.#adopted = true;
    this.#handle = handle as object;
    this.#released ??= Promise.withResolvers();
    if (this.#preempted) this.#abort();
  }

  /** The run behind a handle is over: there is nothing left to abort. */
  release(handle: unknown): void {
    if (this.#handle !== handle) return;
    this.#handle = undefined;
    this.#released?.resolve();
    this.#released = undefined;
  }

  /** Settles when the run is over and has cleaned up: until then 2026.5 considers its session busy. */
  async free(): Promise<void> {
    await this.settled;
    await this.#released?.promise;
  }

  settle(): void {
    this.#live = false;
    this.#settle();
  }

  #abort(): void {
    const handle = this.#handle as { abort(): void } | undefined;
    if (!handle) return;
    this.#aborted = true;
    try {
      // Work that the abort starts belongs to the heartbeat, not to the request.
      context.run(this, () => handle.abort());
    } catch {
      // A run that cannot be aborted ends by itself; every wait for it has a bound.
    }
  }
}

/** The heartbeat, live or not, to which code belongs. */
export const context = new AsyncLocalStorage<HeartbeatRun | undefined>();

/** The heartbeat to which the code that runs now belongs. */
export function currentHeartbeat(): HeartbeatRun | undefined {
  const run = context.getStore();
  return run?.live ? run : undefined;
}

/** The heartbeat to which code belongs, if the guard left it to the release, such as a second one on its session. */
export const unguardedContext = new AsyncLocalStorage<{ live: boolean } | undefined>();

/** Runs a heartbeat that the guard leaves to the release. */
export async function unguarded<T>(run: () => Promise<T>): Promise<T> {
  const heartbeat = { live: true };
  try {
    return await unguardedContext.run(heartbeat, run);
  } finally {
    heartbeat.live = false;
  }
}

/** Whether the code that runs now belongs to a heartbeat that has not ended, guarded or not. */
export function inHeartbeat(): boolean {
  return currentHeartbeat() !== undefined || unguardedContext.getStore()?.live === true;
}

/** How long a message waits for a heartbeat to end after it was aborted, or instead of aborting it. */
const HOLD_MS = 10_000;
/** How long an aborted heartbeat may take to clean up after its promise. */
const CLEAN_UP_MS = 2_000;
/** A little after that its session is free: until then 2026.5 answers with nothing. */
const AFTER_RUN_MS = 150;

/**
 * Waits until a heartbeat has ended and its session is free, at most twice {@link HOLD_MS}.
 *
 * @param preempt whether to abort it: at once or, if it is overdue, when it takes too long
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
