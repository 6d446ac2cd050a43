/** A heartbeat guard, the release around it, and the heartbeats and messages that meet there. */
import { expect } from "vitest";
import { HeartbeatGuard } from "../../src/heartbeats/guard.ts";
import type { Answer } from "../../src/delivery/requests.ts";
import { SessionKeys } from "../../src/gateway/session-keys.ts";
import { guardHeartbeats, heartbeatReplacements } from "../../src/heartbeats/attach.ts";
import { fieldsOrNone } from "../../src/policy/fields.ts";
import { claimIntent } from "../../src/policy/claim-intent.ts";
import type { HeartbeatSettings } from "../../src/policy/heartbeat.ts";

export const MAIN = "agent:main:main";
/** The answer by which a release asks again; newer ones do so at the time that is in it. */
export const BUSY = { status: "skipped", reason: "requests-in-flight", retryAtMs: expect.any(Number) as unknown };
export const RAN = { status: "ran" };

export type Fn = (...args: unknown[]) => unknown;
export type Body = () => Promise<unknown>;

const KEYS = new SessionKeys(
  () => ({}),
  () => ({}),
);

/** A request that starts a run, as the guard sees it. */
export interface GuardedRequest {
  readonly ready: Promise<void> | undefined;
  answered(ok: boolean, payload: unknown): Answer;
  /** The gateway's handler has returned. */
  done(): void;
}

export class GuardScene {
  /** The release's own functions. */
  readonly functions: Record<string, Fn[]> = {
    onAgentEvent: [(listener) => (this.agentEvent = listener as typeof this.agentEvent)],
  };
  readonly guard = new HeartbeatGuard({
    functions: (name) => this.functions[name] ?? [],
    replaced: (name) => this.functions[name] ?? [],
    config: () => ({}),
    mayAbort: () => this.mayAbort,
    failed: () => void (this.failures += 1),
    info: () => {},
  });
  failures = 0;
  mayAbort = true;
  agentEvent: (event: object) => void = () => {};

  begin(settings: HeartbeatSettings = { quietMs: 5_000, maxDeferMs: 60_000, preempt: true }): this {
    this.guard.begin(settings, KEYS);
    return this;
  }

  heartbeat(body: Body = () => Promise.resolve(RAN), reason = "wake", more: object = {}): Promise<unknown> {
    return guardHeartbeats(body, this.guard)({ reason, ...more });
  }

  /** The run that is under way makes itself abortable, until it has cleaned up: at once when it is aborted, or never. */
  handle(abort: () => void, cleansUp = true): () => void {
    const clear = (): unknown => this.replaced("clearActiveEmbeddedRun", () => {})("id", handle);
    const handle = {
      abort: () => {
        if (cleansUp) clear();
        abort();
      },
    };
    this.replaced("setActiveEmbeddedRun", () => {})("id", handle);
    return clear;
  }

  /** What stands in for a function of the release. */
  replaced(name: string, original: Fn): Fn {
    return heartbeatReplacements(this.guard, () => 0)[name]!(original) as Fn;
  }

  /** A request of a client; undefined if the guard has nothing to do with it. */
  request(method: string, params: object | undefined): GuardedRequest | undefined {
    const intent = claimIntent(method, params);
    const keys = intent && "keys" in intent ? intent.keys.flatMap((key) => KEYS.canonical(key) ?? []) : [];
    const passage = this.guard.step({
      client: undefined,
      nested: false,
      method,
      params: fieldsOrNone(params),
      intent,
      keys,
    });
    if (!passage || "refuse" in passage) return undefined;
    return {
      ready: passage.ready,
      answered: (ok, payload) => passage.answering!({ ok, payload }),
      done: () => passage.ended!(false),
    };
  }

  /** A user's message; its run begins at once if it does not have to wait. */
  send(runId: string, sessionKey = "main"): GuardedRequest {
    const request = this.request("chat.send", { sessionKey, message: "x", idempotencyKey: runId })!;
    if (!request.ready) request.answered(true, { runId, status: "started" });
    return request;
  }

  /** A user's run from its start to its final. */
  run(runId: string): void {
    this.send(runId).done();
    this.guard.holdBack("chat", { runId, state: "final" }, () => {});
  }

  /** A heartbeat that runs until it is aborted or ended. */
  running(abortable = true): { answer: Promise<unknown>; end: (result?: unknown) => void; aborted: () => boolean } {
    const pending = Promise.withResolvers<unknown>();
    let aborted = false;
    const answer = this.heartbeat(() => {
      if (abortable) {
        this.handle(() => {
          aborted = true;
          pending.resolve(RAN);
        });
      }
      return pending.promise;
    });
    return { answer, end: (result = RAN) => pending.resolve(result), aborted: () => aborted };
  }
}
