import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HeartbeatGuard } from "../../src/heartbeat-guard.ts";
import type { RunRequest } from "../../src/host/runs.ts";
import { SessionKeys } from "../../src/host/session-keys.ts";
import { guardHeartbeats, heartbeatReplacements } from "../../src/host/wake.ts";

const MAIN = "agent:main:main";
const BUSY = { status: "skipped", reason: "requests-in-flight" };
const RAN = { status: "ran" };

type Fn = (...args: unknown[]) => unknown;
type Body = () => Promise<unknown>;

let guard: HeartbeatGuard;
let functions: Record<string, Fn[]>;
let failures: number;
let agentEvent: (event: object) => void;

beforeEach(() => {
  vi.useFakeTimers();
  failures = 0;
  functions = { onAgentEvent: [(listener) => (agentEvent = listener as typeof agentEvent)] };
  guard = new HeartbeatGuard({
    functions: (name) => functions[name] ?? [],
    config: () => ({}),
    failed: () => void (failures += 1),
    info: () => {},
  });
  const keys = new SessionKeys(
    () => ({}),
    () => ({}),
  );
  guard.begin({ quietMs: 5_000, maxDeferMs: 60_000, preempt: true }, keys);
});

afterEach(() => {
  vi.useRealTimers();
});

function heartbeat(body: Body, reason = "wake"): Promise<unknown> {
  return guardHeartbeats(body, guard)({ reason });
}

function handle(abort: () => void): void {
  (heartbeatReplacements(guard, () => 0)["setActiveEmbeddedRun"]!(() => {}) as Fn)("id", { abort });
}

function send(runId: string, sessionKey = "main"): RunRequest {
  const request = guard.request("chat.send", { sessionKey, message: "x", idempotencyKey: runId })!;
  if (!request.ready) request.answered(true, { runId, status: "started" });
  return request;
}

/** A heartbeat that runs until it is aborted or ended. */
function running(abortable = true): {
  answer: Promise<unknown>;
  end: (result?: unknown) => void;
  aborted: () => boolean;
} {
  const pending = Promise.withResolvers<unknown>();
  let aborted = false;
  const answer = heartbeat(() => {
    if (abortable) {
      handle(() => {
        aborted = true;
        pending.resolve(RAN);
      });
    }
    return pending.promise;
  });
  return { answer, end: (result = RAN) => pending.resolve(result), aborted: () => aborted };
}

describe("a user's run", () => {
  test("defers heartbeats of its session from the request on, until its end is broadcast", async () => {
    const request = send("r1");
    expect(request.ready).toBeUndefined();
    request.done();
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(BUSY);
    expect(guard.setAside("chat", { runId: "r1", state: "final" }, () => {})).toBe(false);
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
  });

  test.each(["final", "aborted", "error"])("ends with state %s", async (state) => {
    send("r1").done();
    guard.setAside("chat", { runId: "r1", state }, () => {});
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
  });

  test("that the gateway refuses is none", async () => {
    const request = guard.request("chat.send", { sessionKey: "main", message: "x" })!;
    request.answered(false, undefined);
    request.done();
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
  });

  test("that was answered to its end is over", async () => {
    const request = guard.request("agent", { sessionKey: "main", message: "x" })!;
    request.answered(true, { runId: "r1", status: "accepted" });
    request.answered(true, { runId: "r1", status: "ok" });
    request.done();
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
  });

  test("from elsewhere is known by its agent events", async () => {
    agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(BUSY);
    agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "error" } });
    agentEvent({ runId: "t1", sessionKey: MAIN, stream: "assistant", data: { text: "late" } });
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
  });

  test("keeps scheduled heartbeats away for the quiet time, and not those of events", async () => {
    send("r1").done();
    guard.setAside("chat", { runId: "r1", state: "final" }, () => {});
    await expect(heartbeat(() => Promise.resolve(RAN), "interval")).resolves.toEqual(BUSY);
    await expect(heartbeat(() => Promise.resolve(RAN), "exec-event")).resolves.toEqual(RAN);
    vi.advanceTimersByTime(5_000);
    await expect(heartbeat(() => Promise.resolve(RAN), "interval")).resolves.toEqual(RAN);
  });

  test("does not concern another agent's heartbeat", async () => {
    send("r1", "agent:ops:main").done();
    await expect(heartbeat(() => Promise.resolve(RAN), "interval")).resolves.toEqual(RAN);
  });

  test.each([
    ["chat.history", { sessionKey: "main" }],
    ["sessions.create", { key: "main" }],
    ["chat.send", undefined],
    ["health", {}],
  ])("is not begun by %s with %j, or is in the main session", (method, params) => {
    const request = guard.request(method, params);
    expect(request === undefined).toBe(method !== "chat.send");
  });
});

describe("a request that meets a heartbeat on its session", () => {
  test("aborts it, waits until it has ended, and the heartbeat is asked for again", async () => {
    const { answer, aborted } = running();
    const request = send("r1");
    expect(aborted()).toBe(true);
    await vi.advanceTimersByTimeAsync(150);
    await request.ready;
    await expect(answer).resolves.toEqual(BUSY);
  });

  test("on another session goes on at once", () => {
    const { aborted, end } = running();
    expect(send("r1", "agent:main:other").ready).toBeUndefined();
    expect(aborted()).toBe(false);
    end();
  });

  test("waits ten seconds at most for one that cannot be aborted and never ends, and nobody after it does", async () => {
    running(false);
    let ready = false;
    void send("r1").ready!.then(() => (ready = true));
    await vi.advanceTimersByTimeAsync(9_999);
    expect(ready).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(ready).toBe(true);
    expect(send("r2").ready).toBeUndefined();
  });

  test("waits for an overdue one, and aborts it only when it takes too long", async () => {
    agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(BUSY);
    vi.advanceTimersByTime(60_000);
    const { aborted } = running();
    const { ready } = send("r1");
    await vi.advanceTimersByTimeAsync(9_999);
    expect(aborted()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(aborted()).toBe(true);
    await vi.advanceTimersByTimeAsync(150);
    await ready;
  });

  test("leaves it to a release that aborts heartbeats itself", () => {
    functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    const { aborted, end } = running();
    expect(send("r1").ready).toBeUndefined();
    expect(aborted()).toBe(false);
    end();
  });

  test("gives the events of the aborted one back to their queue", async () => {
    const enqueued: unknown[] = [];
    functions["enqueueSystemEvent"] = [(...args) => enqueued.push(args)];
    const drain = heartbeatReplacements(guard, () => 0)["drainSystemEventEntries"]!(() => [
      { text: "one", ts: 1, contextKey: "exec:1", trusted: false },
      { text: "two", contextKey: null },
      { text: 3 },
    ]) as Fn;
    const answer = heartbeat(() => {
      drain(MAIN);
      return new Promise((resolve) => handle(() => resolve(RAN)));
    });
    const { ready } = send("r1");
    await vi.advanceTimersByTimeAsync(150);
    await ready;
    await expect(answer).resolves.toEqual(BUSY);
    expect(enqueued).toEqual([
      ["one", { sessionKey: MAIN, contextKey: "exec:1", trusted: false }],
      ["two", { sessionKey: MAIN }],
    ]);
  });
});

describe("frames of a heartbeat", () => {
  const chat = (runId: string, state: string, text = "ALERT"): object => ({
    runId,
    sessionKey: MAIN,
    state,
    message: { content: [{ type: "text", text }] },
  });

  test("pass while no user's run is active", async () => {
    await heartbeat(async () => {
      agentEvent({ runId: "h1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      expect(guard.setAside("agent", { runId: "h1" }, () => {})).toBe(false);
      expect(guard.setAside("chat", chat("h1", "final"), () => {})).toBe(false);
      return Promise.resolve(RAN);
    });
  });

  test("are dropped beside a user's run, but its last word is delivered after that", async () => {
    const sent: string[] = [];
    await heartbeat(async () => {
      agentEvent({ runId: "h1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      expect(guard.setAside("agent", { runId: "h1" }, () => sent.push("agent"))).toBe(true);
      expect(guard.setAside("chat", chat("h1", "delta"), () => sent.push("delta"))).toBe(true);
      expect(guard.setAside("chat", chat("h1", "final"), () => sent.push("final"))).toBe(true);
      expect(guard.setAside("chat", chat("t1", "delta"), () => {})).toBe(false);
      return Promise.resolve(RAN);
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual([]);
    guard.setAside("chat", chat("t1", "final"), () => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual(["final"]);
  });

  test("wait no longer than maxDeferMs, however long users go on", async () => {
    const sent: number[] = [];
    const again = (): void => {
      expect(guard.setAside("chat", chat("h1", "final"), again)).toBe(false);
      sent.push(Date.now());
    };
    const startedAt = Date.now();
    await heartbeat(async () => {
      agentEvent({ runId: "h1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      guard.setAside("chat", chat("h1", "final"), again);
      return Promise.resolve(RAN);
    });
    await vi.advanceTimersByTimeAsync(300_000);
    expect(sent).toEqual([startedAt + 60_000]);
  });

  test("are held up to a bound, the oldest falls off", async () => {
    const sent: number[] = [];
    await heartbeat(async () => {
      agentEvent({ runId: "h1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      for (let i = 0; i < 100; i += 1) guard.setAside("chat", chat("h1", "final"), () => sent.push(i));
      return Promise.resolve(RAN);
    });
    agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "end" } });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual(Array.from({ length: 64 }, (_, i) => i + 36));
  });

  test("of one that was aborted are dropped altogether: it runs again", async () => {
    const sent: string[] = [];
    const answer = heartbeat(
      () =>
        new Promise((resolve) =>
          handle(() => {
            expect(guard.setAside("chat", chat("h1", "final"), () => sent.push("final"))).toBe(true);
            expect(guard.setAside("heartbeat", { status: "failed" }, () => {})).toBe(true);
            resolve(RAN);
          }),
        ),
    );
    await Promise.resolve();
    const { ready } = send("r1");
    await vi.advanceTimersByTimeAsync(150);
    await ready;
    await answer;
    guard.setAside("chat", chat("r1", "final"), () => {});
    await vi.advanceTimersByTimeAsync(120_000);
    expect(sent).toEqual([]);
  });

  test("of another kind, or without a run, pass", () => {
    for (const payload of [undefined, null, 7, {}, { runId: 7 }]) {
      for (const event of ["chat", "agent", "heartbeat", "tick"])
        expect(guard.setAside(event, payload, () => {})).toBe(false);
    }
  });
});

describe("a heartbeat that goes wrong leaves its session free, and its wake as the release has it", () => {
  /** Nothing is taken for a heartbeat under way any more, and the next one runs. */
  async function expectFree(): Promise<void> {
    const request = send("r1");
    expect(request.ready).toBeUndefined();
    request.done();
    guard.setAside("chat", { runId: "r1", state: "final" }, () => {});
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
    expect(failures).toBe(0);
  }

  test.each<[string, Body]>([
    ["rejects", () => Promise.reject(new Error("theirs"))],
    [
      "throws",
      () => {
        throw new Error("theirs");
      },
    ],
  ])("it %s", async (_, body) => {
    await expect(heartbeat(body)).rejects.toThrow("theirs");
    await expectFree();
  });

  test.each([undefined, null, "ran", 7, [], {}, { status: 5, reason: {} }, { status: "skipped" }])(
    "it answers %j",
    async (answer) => {
      await expect(heartbeat(() => Promise.resolve(answer))).resolves.toBe(answer);
      await expectFree();
    },
  );

  test("it never settles: it counts as under way, others of its session are left to the release", async () => {
    running(false);
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
    const { ready } = send("r1", "agent:ops:main");
    expect(ready).toBeUndefined();
    expect(failures).toBe(0);
  });

  test("it fails after it was aborted: it is asked for again all the same", async () => {
    const answer = heartbeat(() => new Promise((_, reject) => handle(() => reject(new Error("aborted")))));
    const { ready } = send("r1");
    await expect(answer).resolves.toEqual(BUSY);
    await vi.advanceTimersByTimeAsync(150);
    await ready;
    expect(failures).toBe(0);
  });
});

describe("a channel's message", () => {
  const reply = (original: Body): Fn => heartbeatReplacements(guard, () => 0)["getReplyFromConfig"]!(original) as Fn;

  test("aborts a heartbeat on its session, is answered when it has ended, and delays the next one", async () => {
    const { answer, aborted } = running();
    const pending = Promise.withResolvers<unknown>();
    const original = vi.fn<Body>(() => pending.promise);
    const replied = reply(original)({ SessionKey: MAIN, Body: "hello" }, {}, {});
    expect(aborted()).toBe(true);
    expect(original).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(150);
    expect(original).toHaveBeenCalledWith({ SessionKey: MAIN, Body: "hello" }, {}, {});
    await expect(answer).resolves.toEqual(BUSY);
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(BUSY);
    pending.resolve({ text: "hi" });
    await expect(replied).resolves.toEqual({ text: "hi" });
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
  });

  test("that cannot be answered fails as it does, and is over", async () => {
    const failing = reply(() => Promise.reject(new Error("theirs")));
    await expect(failing({ SessionKey: MAIN })).rejects.toThrow("theirs");
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
  });

  test("is left to a release that aborts heartbeats itself", async () => {
    functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    const { aborted, end } = running();
    await expect(reply(() => Promise.resolve("hi"))({ SessionKey: MAIN })).resolves.toBe("hi");
    expect(aborted()).toBe(false);
    end();
  });
});

describe("the quiet time", () => {
  const keys = new SessionKeys(
    () => ({}),
    () => ({}),
  );

  async function quietFor(settings: { quietMs?: number }): Promise<number> {
    guard.begin({ maxDeferMs: 600_000, preempt: true, ...settings }, keys);
    send("r1").done();
    guard.setAside("chat", { runId: "r1", state: "final" }, () => {});
    const from = Date.now();
    while ((await heartbeat(() => Promise.resolve(RAN), "interval")) !== RAN) vi.advanceTimersByTime(1_000);
    return Date.now() - from;
  }

  test("is ten seconds, and the release's own minute from 2026.8 on", async () => {
    await expect(quietFor({})).resolves.toBe(10_000);
    // Its module may be loaded after the gateway's start.
    functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    await expect(quietFor({})).resolves.toBe(60_000);
  });

  test("is what is set, on every release", async () => {
    functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    await expect(quietFor({ quietMs: 3_000 })).resolves.toBe(3_000);
    await expect(quietFor({ quietMs: 0 })).resolves.toBe(0);
  });
});

describe("what the release does not have, or what of it fails, leaves heartbeats as they are", () => {
  test("functions that throw", async () => {
    functions["resolveHeartbeatSession"] = [
      () => {
        throw new Error("theirs");
      },
    ];
    await expect(heartbeat(() => Promise.resolve(RAN))).resolves.toEqual(RAN);
    expect(failures).toBe(1);
  });

  test("before a gateway has begun", async () => {
    const idle = new HeartbeatGuard({ functions: () => [], config: () => ({}), failed: () => {}, info: () => {} });
    expect(idle.request("chat.send", { sessionKey: "main" })).toBeUndefined();
    await expect(guardHeartbeats(() => Promise.resolve(RAN), idle)({})).resolves.toEqual(RAN);
  });
});
