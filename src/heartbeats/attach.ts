/**
 * Replaces the release's functions around heartbeat runs.
 *
 * `runHeartbeatOnce` is under every wake, the scheduler's as well as cron's own, and knows its agent and session
 * where the wake handler of some releases does not.
 */
import { fieldsOrNone } from "../policy/fields.ts";
import { context, currentHeartbeat, HeartbeatRun, unguarded, unguardedContext } from "./run.ts";
import { turns, type UserTurn } from "./user-runs.ts";

/** What `runHeartbeatOnce` takes, as far as the module reads it. 2026.2 knows `reason` and `agentId` only. */
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
 * `retryAtMs`, on the clock of `Date.now`, says when; 2026.9 uses it, and would otherwise wait for a minute. Older
 * releases ask again after a second in any case.
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
  /**
   * A task is about to enter a lane.
   *
   * @returns undefined if it may at once
   */
  enters(lane: unknown): UserTurn | undefined;
}

/** Wraps `runHeartbeatOnce`. A deferred or aborted heartbeat answers {@link Skip}. */
export function guardHeartbeats(original: RunHeartbeat, gate: HeartbeatGate): RunHeartbeat {
  return async function runHeartbeatOnce(opts, ...rest) {
    const run = gate.admit(opts);
    if (!run) return unguarded(() => original(opts, ...rest));
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

/** An agent run begins: a message that it answers has its events with it. */
export function noteRun(): void {
  const turn = turns.getStore();
  // A heartbeat that the message set off takes events of its own.
  if (turn && !currentHeartbeat()) turn.ran = true;
}

type SetActiveRun = (sessionId: unknown, handle: unknown, ...rest: unknown[]) => unknown;

/** Wraps `setActiveEmbeddedRun`, by which a run makes itself abortable. */
function adoptHandles(original: SetActiveRun): SetActiveRun {
  return function setActiveEmbeddedRun(sessionId, handle, ...rest) {
    const result = original(sessionId, handle, ...rest);
    currentHeartbeat()?.adopt(handle);
    noteRun();
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
      const reply = await (turn ? turns.run(turn, () => original(...args)) : original(...args));
      if (run) run.reply = reply;
      // An aborted run of 2026.2 answers with the text of the turn before it, which would be
      // delivered as an alert: it fails instead, and is run again.
      if (run?.aborted) throw new Error("aborted for a user's message; it will run again");
      return reply;
    } finally {
      turn?.done();
    }
  };
}

/** @param args of `getReplyFromConfig`: the message's context and the options of its run */
function turnOf([message, options]: readonly unknown[], gate: HeartbeatGate): UserTurn | undefined {
  if (fieldsOrNone(options)["isHeartbeat"] === true) return undefined;
  const { SessionKey, CommandSource, CommandTargetSessionKey } = fieldsOrNone(message);
  // A channel's own command has a session for itself and names the one it is about.
  const target = CommandSource === "native" ? (CommandTargetSessionKey ?? SessionKey) : SessionKey;
  return target === undefined ? undefined : gate.turn(target);
}

type SplitPrompt = (params: unknown, ...rest: unknown[]) => unknown;

/**
 * Wraps `resolveRuntimeContextPromptParts`, which splits a run's prompt into the message that its transcript shows and
 * hidden context. The transcript of a heartbeat shows a text that is not in its prompt. Up to 2026.5.7 the whole prompt
 * is hidden context then, and 2026.9 has a prompt for the model; in between the prompt is dropped, with its events.
 */
function keepPrompt(original: SplitPrompt): SplitPrompt {
  return function resolveRuntimeContextPromptParts(params, ...rest) {
    const parts = original(params, ...rest);
    if (!currentHeartbeat()) return parts;
    const { effectivePrompt, transcriptPrompt } = fieldsOrNone(params);
    const { prompt, modelPrompt, runtimeContext } = fieldsOrNone(parts);
    if (typeof effectivePrompt !== "string" || typeof transcriptPrompt !== "string") return parts;
    const whole = effectivePrompt.trim();
    const dropped =
      prompt === transcriptPrompt &&
      runtimeContext === undefined &&
      !whole.includes(transcriptPrompt.trim()) &&
      !(typeof modelPrompt === "string" && modelPrompt.includes(whole));
    return dropped ? { ...(parts as object), runtimeContext: whole } : parts;
  };
}

type TakeEvents = (sessionKey: unknown, ...rest: unknown[]) => unknown;

/** Wraps a function that takes system events out of their queue. */
function noteTaken(original: TakeEvents, copy: number): TakeEvents {
  return function takeSystemEvents(sessionKey, ...rest) {
    const taken = original(sessionKey, ...rest);
    (currentHeartbeat() ?? turns.getStore())?.events.add(sessionKey, taken, copy);
    return taken;
  };
}

type Enqueue = (lane: unknown, task: unknown, ...rest: unknown[]) => unknown;

/**
 * Wraps `enqueueCommandInLane`: a queued task runs as part of what queued it, not of what ran before it.
 *
 * Every run enters its session's lane first, also one that `getReplyFromConfig` does not see, such as that of a message
 * by HTTP. It would wait there until a heartbeat of the session has ended. It waits before the lane instead, where it
 * holds nothing that the heartbeat needs.
 */
function watchLanes(original: Enqueue, gate: HeartbeatGate): Enqueue {
  return function enqueueCommandInLane(lane, task, ...rest) {
    if (typeof task !== "function") return original(lane, task, ...rest);
    const run = context.getStore();
    const unguardedRun = unguardedContext.getStore();
    const turn = turns.getStore();
    const bound = (...args: unknown[]): unknown =>
      context.run(run, () => unguardedContext.run(unguardedRun, () => turns.run(turn, () => task(...args) as unknown)));
    const entry = gate.enters(lane);
    return entry ? enterLater(entry, () => original(lane, bound, ...rest)) : original(lane, bound, ...rest);
  };
}

async function enterLater(entry: UserTurn, enter: () => unknown): Promise<unknown> {
  try {
    await entry.ready;
    return await enter();
  } finally {
    entry.done();
  }
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
 * The replacement of each function.
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
    resolveRuntimeContextPromptParts: (original) => keepPrompt(original as SplitPrompt),
    enqueueCommandInLane: (original) => watchLanes(original as AnyFn, gate),
    // A release with several copies of the queues has as many of each of their functions.
    drainSystemEventEntries: taking("drainSystemEventEntries"),
    consumeSelectedSystemEventEntries: taking("consumeSelectedSystemEventEntries"),
  };
}
