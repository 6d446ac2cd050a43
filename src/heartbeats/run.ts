/**
 * Heartbeat runs: when one starts, what belongs to it, and how it is ended early.
 *
 * `runHeartbeatOnce` is under every wake, the scheduler's as well as cron's own, and knows its
 * agent and session where the wake handler of some releases does not. What it starts runs in an
 * async context, by which frames, run handles and drained events are known as the heartbeat's.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Wake } from "../policy/heartbeat.ts";
import type { UserTurn } from "./user-runs.ts";

/** What `runHeartbeatOnce` takes, as far as we read it. 2026.2 knows `reason` and `agentId` only. */
export interface HeartbeatOptions {
  readonly cfg?: unknown;
  readonly agentId?: unknown;
  readonly heartbeat?: unknown;
  readonly sessionKey?: unknown;
  readonly intent?: unknown;
  readonly reason?: unknown;
}

export type RunHeartbeat = (opts: HeartbeatOptions, ...rest: unknown[]) => Promise<unknown>;

/**
 * The release's own answer when requests are in flight: it asks again and forgets nothing.
 *
 * `retryAtMs`, on the clock of `Date.now`, says when; 2026.9 listens to it, and would wait for a minute
 * without. Older releases ask again after a second in any case.
 */
export interface Skip {
  readonly status: "skipped";
  readonly reason: "requests-in-flight";
  readonly retryAtMs?: number;
}

/** What the wrapped function asks. Nothing here throws. */
export interface HeartbeatGate {
  /** @returns the run, what to answer instead of running, or undefined to leave this heartbeat alone */
  admit(opts: HeartbeatOptions): HeartbeatRun | Skip | undefined;
  /**
   * @param result what the release answered; undefined if it threw
   * @returns what to answer instead, if anything
   */
  finished(run: HeartbeatRun, result: unknown): Skip | undefined;
  /** The gateway's heartbeat runner takes up its work. */
  started(): void;
  /** A message on a session is about to be answered, whichever way it came in. */
  turn(sessionKey: unknown): UserTurn | undefined;
}

/** A system event that left its queue for a heartbeat's prompt. */
export interface TakenEvent {
  readonly sessionKey: unknown;
  readonly event: unknown;
  /** Which copy of the module holds the queue. */
  readonly copy: number;
}

/** Queues hold 20 events; a heartbeat may read them more than once. */
const MAX_TAKEN = 100;

/** One heartbeat, from the call until its promise settles. */
export class HeartbeatRun {
  readonly wake: Wake;
  /** It waited as long as it may: requests wait for it instead of aborting it at once. */
  readonly overdue: boolean;
  readonly settled: Promise<void>;
  readonly taken: TakenEvent[] = [];
  /** The agent run of this heartbeat; what comes later in the same context is not its own. */
  runId: string | undefined;
  #settle!: () => void;
  #live = true;
  #preempted = false;
  #aborted = false;
  #handle: object | undefined;
  #released: PromiseWithResolvers<void> | undefined;

  constructor(wake: Wake, overdue: boolean) {
    this.wake = wake;
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

  /** Ends the run now or, if it has not come to the model yet, as soon as it does. */
  preempt(): void {
    this.#preempted = true;
    this.#abort();
  }

  /** Takes the handle by which the gateway itself aborts the run. */
  adopt(handle: unknown): void {
    if (typeof (handle as { abort?: unknown } | null | undefined)?.abort !== "function") return;
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

  /** Settles when the run is over and has cleaned up: until then 2026.5 takes its session for busy. */
  async free(): Promise<void> {
    await this.settled;
    await this.#released?.promise;
  }

  took(sessionKey: unknown, events: unknown, copy: number): void {
    if (!Array.isArray(events)) return;
    for (const event of events.slice(0, MAX_TAKEN - this.taken.length)) this.taken.push({ sessionKey, event, copy });
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
      // What the abort sets off is the heartbeat's, not the request's.
      context.run(this, () => handle.abort());
    } catch {
      // A run that cannot be aborted ends by itself; who waits for it has a bound.
    }
  }
}

const context = new AsyncLocalStorage<HeartbeatRun>();

/** The heartbeat to which the code that runs now belongs. */
export function currentHeartbeat(): HeartbeatRun | undefined {
  const run = context.getStore();
  return run?.live ? run : undefined;
}

/** Wraps `runHeartbeatOnce`. A deferred or aborted heartbeat answers {@link Skip}. */
export function guardHeartbeats(original: RunHeartbeat, gate: HeartbeatGate): RunHeartbeat {
  return async function runHeartbeatOnce(opts, ...rest) {
    const run = gate.admit(opts);
    if (!run) return original(opts, ...rest);
    if (!(run instanceof HeartbeatRun)) return run;
    let result: unknown;
    try {
      result = await context.run(run, () => original(opts, ...rest));
    } catch (error) {
      const skip = gate.finished(run, undefined);
      if (skip) return skip;
      throw error;
    } finally {
      run.settle();
    }
    return gate.finished(run, result) ?? result;
  };
}

type SetActiveRun = (sessionId: unknown, handle: unknown, ...rest: unknown[]) => unknown;

/** Wraps `setActiveEmbeddedRun`, by which a run makes itself abortable. */
function adoptHandles(original: SetActiveRun): SetActiveRun {
  return function setActiveEmbeddedRun(sessionId, handle, ...rest) {
    const result = original(sessionId, handle, ...rest);
    currentHeartbeat()?.adopt(handle);
    return result;
  };
}

/** Wraps `clearActiveEmbeddedRun`, the end of what {@link adoptHandles} saw. */
function releaseHandles(original: SetActiveRun): SetActiveRun {
  return function clearActiveEmbeddedRun(sessionId, handle, ...rest) {
    const result = original(sessionId, handle, ...rest);
    // Also after the heartbeat's promise: an aborted run cleans up late.
    context.getStore()?.release(handle);
    return result;
  };
}

type GetReply = (...args: unknown[]) => Promise<unknown>;

/**
 * Wraps `getReplyFromConfig`, which answers every message of a chat: a heartbeat's prompt, a
 * client's `chat.send`, and what comes in through a channel, which is known nowhere else.
 */
function watchReplies(original: GetReply, gate: HeartbeatGate): GetReply {
  return async function getReplyFromConfig(...args) {
    const run = currentHeartbeat();
    const turn = run ? undefined : turnOf(args, gate);
    try {
      if (turn?.ready) await turn.ready;
      const reply = await original(...args);
      // An aborted run of 2026.2 answers with the text of the turn before it, which would be
      // delivered as an alert: it fails instead, and is run again.
      if (run?.aborted) throw new Error("aborted for a user's message, to be run again");
      return reply;
    } finally {
      turn?.done();
    }
  };
}

/** @param args of `getReplyFromConfig`: the message's context and the options of its run */
function turnOf([message, options]: readonly unknown[], gate: HeartbeatGate): UserTurn | undefined {
  if ((options as { isHeartbeat?: unknown } | null | undefined)?.isHeartbeat === true) return undefined;
  const { SessionKey, CommandSource, CommandTargetSessionKey } = (message ?? {}) as Readonly<Record<string, unknown>>;
  // A channel's own command has a session for itself and names the one it is about.
  const target = CommandSource === "native" ? (CommandTargetSessionKey ?? SessionKey) : SessionKey;
  return target === undefined ? undefined : gate.turn(target);
}

type TakeEvents = (sessionKey: unknown, ...rest: unknown[]) => unknown;

/** Wraps a function that takes system events out of their queue. */
function noteTaken(original: TakeEvents, copy: number): TakeEvents {
  return function takeSystemEvents(sessionKey, ...rest) {
    const taken = original(sessionKey, ...rest);
    currentHeartbeat()?.took(sessionKey, taken, copy);
    return taken;
  };
}

type Enqueue = (lane: unknown, task: unknown, ...rest: unknown[]) => unknown;

/** Wraps `enqueueCommandInLane`: a queued task runs as part of what queued it, not of what ran before it. */
function keepContext(original: Enqueue): Enqueue {
  return function enqueueCommandInLane(lane, task, ...rest) {
    if (typeof task !== "function") return original(lane, task, ...rest);
    const run = context.getStore();
    const bound = (...args: unknown[]): unknown =>
      run ? context.run(run, () => task(...args) as unknown) : context.exit(() => task(...args) as unknown);
    return original(lane, bound, ...rest);
  };
}

type AnyFn = (...args: unknown[]) => unknown;

/** Wraps `setHeartbeatWakeHandler`, which a runner calls with its handler when it starts, and with null when it stops. */
function announceStart(original: AnyFn, gate: HeartbeatGate): AnyFn {
  return function setHeartbeatWakeHandler(next, ...rest) {
    if (next) gate.started();
    return original(next, ...rest);
  };
}

/**
 * What takes the place of which function.
 *
 * @param copyOf which copy of its module a function that is attached now belongs to
 */
export function heartbeatReplacements(
  gate: HeartbeatGate,
  copyOf: (name: string) => number,
): Readonly<Record<string, (original: (...args: never[]) => unknown) => unknown>> {
  const taking = (name: string) => (original: unknown) => noteTaken(original as AnyFn, copyOf(name));
  return {
    runHeartbeatOnce: (original) => guardHeartbeats(original as RunHeartbeat, gate),
    setHeartbeatWakeHandler: (original) => announceStart(original as AnyFn, gate),
    setActiveEmbeddedRun: (original) => adoptHandles(original as AnyFn),
    clearActiveEmbeddedRun: (original) => releaseHandles(original as AnyFn),
    getReplyFromConfig: (original) => watchReplies(original as GetReply, gate),
    enqueueCommandInLane: (original) => keepContext(original as AnyFn),
    // A release with several copies of the queues has as many of each of their functions.
    drainSystemEventEntries: taking("drainSystemEventEntries"),
    consumeSelectedSystemEventEntries: taking("consumeSelectedSystemEventEntries"),
  };
}
