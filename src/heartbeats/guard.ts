/**
 * Keeps heartbeats away from users' runs: joins the policy to the seams of heartbeats, requests and broadcasts. One
 * per process; an in-process restart of the gateway resets it.
 *
 * Its clock is `performance.now()`, which cannot be set.
 */
import type { HoldBack } from "../delivery/broadcast.ts";
import type { HeartbeatFrames } from "../delivery/gateway-scope.ts";
import type { Answer, GatewayRequest, Passage, Step } from "../delivery/requests.ts";
import type { GatewayConfig } from "../gateway/types.ts";
import {
  abortsHeartbeatsItself,
  askedNobody,
  busy,
  forgetReply,
  type Functions,
  heartbeatIntervals,
  heartbeatSessions,
  isBusy,
  queuesWithoutEvents,
  remembersReplies,
  sessionOfLane,
} from "./release.ts";
import { LastWords } from "./last-words.ts";
import { TakenEvents } from "./taken-events.ts";
import { mayStartRuns, type RunSign, turns, type UserTurn, watchAgentEvents } from "./user-runs.ts";
import type { SessionKeys } from "../gateway/session-keys.ts";
import { type HeartbeatGate, type HeartbeatOptions, noteRun, type Skip } from "./attach.ts";
import { currentHeartbeat, HeartbeatRun, type HeartbeatSessions, inHeartbeat, untilFree } from "./run.ts";
import { HeartbeatRunIds } from "./run-ids.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import {
  HeartbeatPolicy,
  type HeartbeatSettings,
  IDLE_MINUTE_MS,
  JOB_WAIT_MS,
  type Place,
  QUIET_MS,
  RETRY_MS,
  type Wake,
} from "../policy/heartbeat.ts";
import { parseAgentSessionKey } from "../policy/session-key.ts";
import type { HeartbeatNumbers } from "../status.ts";

type Fn = (...args: never[]) => unknown;

/** What the guard needs of the process around it. */
export interface GuardHost {
  /** The release's own functions. */
  readonly functions: Functions;
  /** The same as the release's callers see them. */
  readonly replaced: Functions;
  config(): GatewayConfig;
  /** Whether a user's message may abort a heartbeat; it waits for the heartbeat in any case. */
  mayAbort(): boolean;
  /** Something in the module failed. */
  failed(): void;
  /** Says something in the gateway's log. */
  info(message: string): void;
}

/** A run's end is known a little before its last frame is sent. */
const AFTER_FINAL_MS = 100;

/** The end of a run, as `chat` events report it. */
const ENDED: ReadonlySet<unknown> = new Set(["final", "error", "aborted"]);
/** Answers after which the run of a request goes on. */
const GOES_ON: ReadonlySet<unknown> = new Set([undefined, "started", "accepted"]);

export class HeartbeatGuard implements HeartbeatGate, HeartbeatFrames {
  readonly #host: GuardHost;
  readonly #subscribed = new Set<Fn>();
  /** Heartbeats under way, by session. */
  readonly #running = new Map<string, HeartbeatRun>();
  /** What runs from elsewhere wait for, by session: later ones wait for the same, and so stay behind. */
  readonly #entering = new Map<string, Promise<void>>();
  /** Heartbeats by the id of their agent run. */
  readonly runIds = new HeartbeatRunIds();
  readonly #lastWords = new LastWords(
    (run) => this.#current?.policy.isActive(run.wake.sessionKey, performance.now()) ?? false,
    () => this.#host.failed(),
  );
  #current: { policy: HeartbeatPolicy; settings: HeartbeatSettings; keys: SessionKeys } | undefined;
  #deferrals = 0;
  #aborted = 0;
  #turns = 0;

  constructor(host: GuardHost) {
    this.#host = host;
  }

  /** A gateway starts. Until then heartbeats and requests pass unchanged. */
  begin(settings: HeartbeatSettings, keys: SessionKeys): void {
    const { functions } = this.#host;
    const timed = {
      ...settings,
      // Asked late: the module with that function may not be loaded yet.
      get quietMs(): number {
        return settings.quietMs ?? (abortsHeartbeatsItself(functions) ? IDLE_MINUTE_MS : QUIET_MS);
      },
      get maxDeferMs(): number {
        return abortsHeartbeatsItself(functions) ? Math.min(settings.maxDeferMs, JOB_WAIT_MS) : settings.maxDeferMs;
      },
    };
    this.#current = { policy: new HeartbeatPolicy(timed), settings, keys };
    this.#running.clear();
    this.#lastWords.drop();
    for (const onAgentEvent of this.#host.functions("onAgentEvent")) {
      if (this.#subscribed.has(onAgentEvent)) continue;
      this.#subscribed.add(onAgentEvent);
      watchAgentEvents(onAgentEvent, (sign) => this.#safely(undefined, () => this.#signed(sign)));
    }
  }

  /** A snapshot for status: no session keys. */
  status(): HeartbeatNumbers {
    const { runs = 0, deferrals = 0 } = this.#current?.policy.size ?? {};
    return {
      running: this.#running.size,
      deferred: deferrals,
      held: this.#lastWords.size,
      runs,
      deferrals: this.#deferrals,
      aborted: this.#aborted,
    };
  }

  /** Whether a heartbeat is under way that may take events out of a session's queue. */
  takesEventsOf(queue: string): boolean {
    return [...this.#running.values()].some(({ wake, home }) => home === queue || wake.sessionKey === queue);
  }

  /** @see HeartbeatGate */
  started(): void {
    this.#safely(undefined, () => {
      const line = heartbeatIntervals(this.#host.functions, this.#host.config());
      if (line !== undefined) this.#host.info(line);
    });
  }

  /** @see HeartbeatGate */
  admit(opts: HeartbeatOptions): HeartbeatRun | Skip | undefined {
    return this.#safely(undefined, () => {
      const found = this.#wakeOf(opts);
      if (!found) return undefined;
      const { wake, home, sessions } = found;
      // A second one on the session: the release keeps the two apart itself.
      if (this.#running.has(wake.sessionKey)) return undefined;
      const decision = this.#current!.policy.decide(wake, performance.now());
      if (decision.act === "defer") {
        this.#deferrals += 1;
        return busy(decision.retryInMs);
      }
      const run = new HeartbeatRun(wake, decision.overdue, home, sessions);
      this.#running.set(wake.sessionKey, run);
      this.runIds.begins();
      return run;
    });
  }

  /** @see HeartbeatGate */
  finished(run: HeartbeatRun, result: unknown): Skip | undefined {
    this.runIds.ends();
    if (this.#running.get(run.wake.sessionKey) === run) this.#running.delete(run.wake.sessionKey);
    return this.#safely(undefined, () => {
      if (run.aborted) {
        this.#aborted += 1;
        this.#current?.policy.preempted(run.wake, performance.now());
        this.#lastWords.drop(run);
        run.events.giveBack(this.#host.replaced);
        return busy(RETRY_MS);
      }
      if (askedNobody(this.#host.functions, run, result)) this.#unseen(run);
      if (!isBusy(result)) this.#current?.policy.completed(run.wake);
      // Overdue, and the release itself is busy: in a minute it may be so again.
      else if (run.overdue) return busy(RETRY_MS);
      return undefined;
    });
  }

  /** Step `heartbeats`: a request that starts a run waits for the heartbeat of its session, and its run is known. */
  readonly step: Step = (request): Passage | undefined =>
    this.#safely(undefined, () => {
      const place = this.#target(request);
      const turn = place && this.#open(place);
      const policy = this.#current?.policy;
      if (!turn || !policy) return undefined;
      return {
        ready: turn.ready,
        answering: (answer: Answer) => {
          this.#safely(undefined, () => {
            const { runId, status } = fieldsOrNone(answer.payload);
            if (typeof runId !== "string") return;
            // Another request's answer started it, on its own session, and it may have ended by now.
            if (answer.ok && status === "in_flight") policy.runSeen(runId, performance.now());
            else if (answer.ok && GOES_ON.has(status)) policy.runActive(runId, place, performance.now());
            else this.#ended(runId);
          });
          return answer;
        },
        ended: turn.done,
      };
    });

  /** @see HeartbeatGate */
  turn(sessionKey: unknown): UserTurn | undefined {
    return this.#safely(undefined, () => {
      const place = this.#place(sessionKey);
      return place && this.#open(place);
    });
  }

  /**
   * A run that no request and no channel has announced, such as that of a message by HTTP, aborts the heartbeat of its
   * session like a message. Where it must not, it waits in its lane, as without the module.
   *
   * @see HeartbeatGate
   */
  enters(lane: unknown): UserTurn | undefined {
    return this.#safely(undefined, () => {
      if (this.#running.size + this.#entering.size === 0 || inHeartbeat() || !this.#mayPreempt()) return undefined;
      const place = this.#place(sessionOfLane(lane));
      const announced = turns.getStore();
      if (!place || (announced?.live && announced.sessionKey === place.sessionKey)) return undefined;
      const waiting = this.#entering.get(place.sessionKey);
      if (waiting) return this.#open(place, waiting);
      // A delivery may take long, and holds no lane.
      if (this.#running.get(place.sessionKey)?.answered) return undefined;
      const ready = this.#clear(place)?.finally(() => this.#entering.delete(place.sessionKey));
      if (ready) this.#entering.set(place.sessionKey, ready);
      return ready && this.#open(place, ready);
    });
  }

  /** @see HeartbeatFrames */
  heartbeatSession(): string | undefined {
    return currentHeartbeat()?.home;
  }

  /** Holds the frames of a heartbeat during a user's run, and drops those of an aborted one. @see HoldBack */
  readonly holdBack: HoldBack = (event, payload, send, opts) => {
    try {
      return this.#holdsBack(event, payload, send, opts);
    } catch {
      this.#host.failed();
      return false;
    }
  };

  #holdsBack(...[event, payload, send, opts]: Parameters<HoldBack>): boolean {
    // The module caused the failure of an aborted heartbeat.
    if (event === "heartbeat") return currentHeartbeat()?.aborted ?? false;
    if (this.#lastWords.releasing || (event !== "chat" && event !== "agent")) return false;
    const { runId, state } = fieldsOrNone(payload);
    if (typeof runId !== "string") return false;
    const run = this.runIds.heartbeatOf(runId);
    if (run) return this.#heldBack(run, event, payload, send, opts);
    if (event === "chat" && ENDED.has(state)) this.#ended(runId);
    return false;
  }

  /** The same for an event of a heartbeat's run. */
  #heldBack(run: HeartbeatRun, ...[event, payload, send, opts]: Parameters<HoldBack>): boolean {
    if (run.aborted) return true;
    const current = this.#current;
    if (!current?.policy.isActive(run.wake.sessionKey, performance.now())) return false;
    const { state, message } = fieldsOrNone(payload);
    if (event === "chat" && state === "final" && message !== undefined) {
      this.#lastWords.hold(run, () => send(event, payload, opts), current.settings.maxDeferMs);
    }
    return true;
  }

  /** No model has seen the events of this heartbeat: they come again. */
  #unseen(run: HeartbeatRun): void {
    if (remembersReplies(this.#host.functions)) void this.#repeated(run).catch(() => this.#host.failed());
    // At once: who asked for the heartbeat must find them in their queue, and not take them for new ones later.
    else run.events.giveBack(this.#host.replaced);
  }

  /** The same where a reply may have been repeated, unless the heartbeat failed and said so. */
  async #repeated(run: HeartbeatRun): Promise<void> {
    const said = typeof fieldsOrNone(run.reply)["text"] === "string";
    if (said && !(await forgetReply(this.#host.functions, run))) return;
    run.events.giveBack(this.#host.replaced);
  }

  #signed({ runId, sessionKey, phase }: RunSign): void {
    if (this.runIds.heartbeatOf(runId)) return;
    // Runs of a command-line backend make no handle.
    if (phase === "start") noteRun();
    const policy = this.#current?.policy;
    const now = performance.now();
    if (phase === "end") this.#ended(runId);
    else if (phase === "running") policy?.runSeen(runId, now);
    else {
      const place = sessionKey === undefined ? undefined : this.#place(sessionKey);
      if (place) policy?.runActive(runId, place, now);
    }
  }

  #ended(runId: string): void {
    this.#current?.policy.runEnded(runId, performance.now());
    this.#lastWords.releaseIn(AFTER_FINAL_MS);
  }

  /** A user's message is being answered from now until `done`. */
  #open(place: Place, ready = this.#clear(place)): UserTurn {
    const id = `turn ${(this.#turns += 1)}`;
    this.#current?.policy.runActive(id, place, performance.now());
    const turn: UserTurn = {
      sessionKey: place.sessionKey,
      live: true,
      ready,
      events: new TakenEvents(),
      ran: false,
      done: () =>
        this.#safely(undefined, () => {
          turn.live = false;
          this.#ended(id);
          if (!turn.ran && queuesWithoutEvents(this.#host.functions)) turn.events.giveBack(this.#host.replaced);
        }),
    };
    return turn;
  }

  /** What a message on a session waits for. */
  #clear(place: Place): Promise<void> | undefined {
    const run = this.#running.get(place.sessionKey);
    // From 2026.8 the release aborts the heartbeat itself.
    if (!run || abortsHeartbeatsItself(this.#host.functions)) return undefined;
    return this.#settled(run);
  }

  #mayPreempt(): boolean {
    return this.#current!.settings.preempt && this.#host.mayAbort();
  }

  async #settled(run: HeartbeatRun): Promise<void> {
    if (await untilFree(run, this.#mayPreempt())) return;
    // It does not end: later messages do not wait for it.
    if (this.#running.get(run.wake.sessionKey) === run) this.#running.delete(run.wake.sessionKey);
  }

  #wakeOf(opts: HeartbeatOptions): { wake: Wake; home: string; sessions: HeartbeatSessions } | undefined {
    const { agentId, intent, reason } = opts;
    const sessions = heartbeatSessions(this.#host.functions, () => this.#host.config(), opts);
    const agent = typeof agentId === "string" ? agentId : undefined;
    const place = this.#place(sessions.own, agent);
    const home = this.#place(sessions.home, agent)?.sessionKey;
    if (!place || home === undefined) return undefined;
    return { wake: { ...place, scheduled: intent === "scheduled" || reason === "interval" }, home, sessions };
  }

  #target({ client, method, intent, keys }: GatewayRequest): Place | undefined {
    // A session that is being created has no heartbeat yet.
    if (intent?.kind !== "claim" || !intent.startsRun || method === "sessions.create") return undefined;
    if (!mayStartRuns(client)) return undefined;
    return this.#place(intent.keys.length > 0 ? keys[0] : "main", intent.agentId);
  }

  #place(value: unknown, agentId?: string): Place | undefined {
    const sessionKey = this.#current?.keys.canonical(value, agentId);
    if (sessionKey === undefined) return undefined;
    return { sessionKey, agentId: parseAgentSessionKey(sessionKey)?.agentId ?? agentId?.toLowerCase() };
  }

  #safely<T>(fallback: T, action: () => T): T {
    try {
      return action();
    } catch {
      this.#host.failed();
      return fallback;
    }
  }
}
