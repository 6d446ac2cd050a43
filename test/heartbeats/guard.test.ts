import { AsyncResource } from "node:async_hooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BUSY, GuardScene, MAIN, RAN } from "./guard-scene.ts";

let scene: GuardScene;

beforeEach(() => {
  vi.useFakeTimers();
  scene = new GuardScene().begin();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a user's run", () => {
  test("a user's run defers heartbeats of its session from the request until its end is broadcast", async () => {
    const request = scene.send("r1");
    expect(request.ready).toBeUndefined();
    request.done();
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
    expect(scene.guard.holdBack("chat", { runId: "r1", state: "final" }, () => {})).toBe(false);
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test.each(["final", "aborted", "error"])("a user's run ends with state %s", async (state) => {
    scene.send("r1").done();
    scene.guard.holdBack("chat", { runId: "r1", state }, () => {});
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test("a user's run that the gateway refuses does not count", async () => {
    const request = scene.request("chat.send", { sessionKey: "main", message: "x" })!;
    request.answered(false, undefined);
    request.done();
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test("a user's run whose request was answered to its end is over", async () => {
    const request = scene.request("agent", { sessionKey: "main", message: "x" })!;
    request.answered(true, { runId: "r1", status: "accepted" });
    request.answered(true, { runId: "r1", status: "ok" });
    request.done();
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  // The gateway forgets a run some moments after its end: a message sent once more by then is "in flight".
  test("a user's run is not active again when its message is sent once more just after its end", async () => {
    scene.send("r1").done();
    scene.guard.holdBack("chat", { runId: "r1", state: "final" }, () => {});
    const again = scene.request("chat.send", { sessionKey: "main", message: "x" })!;
    again.answered(true, { runId: "r1", status: "in_flight" });
    again.done();
    expect(scene.guard.status().runs).toBe(0);
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test("a user's run stays on its session when its id is sent on another one", async () => {
    scene.send("r1").done();
    const other = scene.request("chat.send", { sessionKey: "agent:main:other", message: "x" })!;
    other.answered(true, { runId: "r1", status: "in_flight" });
    other.done();
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
  });

  test("an overdue heartbeat asks every second while the release itself is busy", async () => {
    const theirs = { status: "skipped", reason: "requests-in-flight" };
    await expect(scene.heartbeat(() => Promise.resolve(theirs))).resolves.toBe(theirs);
    scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
    vi.advanceTimersByTime(60_000);
    const overdue = scene.heartbeat(() => Promise.resolve(theirs));
    await expect(overdue).resolves.toEqual({ ...theirs, retryAtMs: Date.now() + 1_000 });
  });

  test("a user's run from elsewhere is known by its agent events", async () => {
    scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
    scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "error" } });
    scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "assistant", data: { text: "late" } });
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test("a user's run defers scheduled heartbeats for the quiet time, and not those of events", async () => {
    scene.send("r1").done();
    scene.guard.holdBack("chat", { runId: "r1", state: "final" }, () => {});
    vi.advanceTimersByTime(1_000);
    const deferred = scene.heartbeat(() => Promise.resolve(RAN), "interval");
    await expect(deferred).resolves.toEqual({ ...BUSY, retryAtMs: Date.now() + 4_000 });
    await expect(scene.heartbeat(() => Promise.resolve(RAN), "exec-event")).resolves.toEqual(RAN);
    vi.advanceTimersByTime(5_000);
    await expect(scene.heartbeat(() => Promise.resolve(RAN), "interval")).resolves.toEqual(RAN);
  });

  test("a user's run does not defer another agent's heartbeat", async () => {
    scene.send("r1", "agent:ops:main").done();
    await expect(scene.heartbeat(() => Promise.resolve(RAN), "interval")).resolves.toEqual(RAN);
  });

  test.each([
    ["chat.history", { sessionKey: "main" }],
    ["sessions.create", { key: "main" }],
    ["health", {}],
  ])("a user's run does not begin with %s %j", (method, params) => {
    expect(scene.request(method, params)).toBeUndefined();
  });

  test("a user's run that chat.send begins without parameters is in the main session", async () => {
    const request = scene.request("chat.send", undefined)!;
    request.answered(true, { runId: "r1", status: "started" });
    request.done();
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
  });
});

describe("a request that meets a heartbeat on its session", () => {
  test("a request aborts a heartbeat on its session and waits until that has ended, and the heartbeat is requested again", async () => {
    const { answer, aborted } = scene.running();
    const request = scene.send("r1");
    expect(aborted()).toBe(true);
    await vi.advanceTimersByTimeAsync(150);
    await request.ready;
    await expect(answer).resolves.toEqual(BUSY);
  });

  test("a request waits two seconds at most until an aborted heartbeat has cleaned up", async () => {
    for (const cleansUpAfter of [500, 60_000]) {
      const answer = scene.heartbeat(
        () =>
          new Promise((resolve) => {
            const clear = scene.handle(() => {
              resolve(RAN);
              // A real timer keeps the context by itself.
              setTimeout(AsyncResource.bind(clear), cleansUpAfter);
            }, false);
          }),
      );
      const askedAt = Date.now();
      let waited = -1;
      const request = scene.send("r1");
      void request.ready!.then(() => (waited = Date.now() - askedAt));
      await expect(answer).resolves.toEqual(BUSY);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(waited).toBe(Math.min(cleansUpAfter, 2_000) + 150);
      request.done();
    }
  });

  test("a request on another session goes on at once", () => {
    const { aborted, end } = scene.running();
    expect(scene.send("r1", "agent:main:other").ready).toBeUndefined();
    expect(aborted()).toBe(false);
    end();
  });

  test("a request waits ten seconds at most for a heartbeat that cannot be aborted and never ends, and no later request does", async () => {
    scene.running(false);
    let ready = false;
    void scene.send("r1").ready!.then(() => (ready = true));
    await vi.advanceTimersByTimeAsync(9_999);
    expect(ready).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(ready).toBe(true);
    expect(scene.send("r2").ready).toBeUndefined();
  });

  test("a request waits for an overdue heartbeat and aborts it only when it takes too long", async () => {
    scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
    vi.advanceTimersByTime(60_000);
    const { aborted } = scene.running();
    const { ready } = scene.send("r1");
    await vi.advanceTimersByTimeAsync(9_999);
    expect(aborted()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(aborted()).toBe(true);
    await vi.advanceTimersByTimeAsync(150);
    await ready;
  });

  test("a request leaves aborting to a release that aborts heartbeats itself", () => {
    scene.functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    const { aborted, end } = scene.running();
    expect(scene.send("r1").ready).toBeUndefined();
    expect(aborted()).toBe(false);
    end();
  });

  test("a request gives the events of the heartbeat that it aborted back to their queue", async () => {
    const enqueued: unknown[] = [];
    scene.functions["enqueueSystemEvent"] = [(...args) => enqueued.push(args)];
    const drain = scene.replaced("drainSystemEventEntries", () => [
      { text: "one", ts: 1, contextKey: "exec:1", trusted: false },
      { text: "two", contextKey: null },
      { text: 3 },
    ]);
    const answer = scene.heartbeat(() => {
      drain(MAIN);
      return new Promise((resolve) => scene.handle(() => resolve(RAN)));
    });
    const { ready } = scene.send("r1");
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

  test("a heartbeat's frames pass while no user's run is active", async () => {
    await scene.heartbeat(async () => {
      scene.agentEvent({ runId: "h1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      expect(scene.guard.holdBack("agent", { runId: "h1" }, () => {})).toBe(false);
      expect(scene.guard.holdBack("chat", chat("h1", "final"), () => {})).toBe(false);
      return Promise.resolve(RAN);
    });
  });

  test("a heartbeat's frames are dropped during a user's run, and its last word is delivered after that run", async () => {
    const sent: string[] = [];
    await scene.heartbeat(async () => {
      scene.agentEvent({ runId: "h1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      expect(scene.guard.holdBack("agent", { runId: "h1" }, () => sent.push("agent"))).toBe(true);
      expect(scene.guard.holdBack("chat", chat("h1", "delta"), () => sent.push("delta"))).toBe(true);
      expect(scene.guard.holdBack("chat", chat("h1", "final"), () => sent.push("final"))).toBe(true);
      expect(scene.guard.holdBack("chat", chat("t1", "delta"), () => {})).toBe(false);
      return Promise.resolve(RAN);
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual([]);
    scene.guard.holdBack("chat", chat("t1", "final"), () => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual(["final"]);
  });

  test("a heartbeat's last word waits no longer than maxDeferMs, however long users go on", async () => {
    const sent: number[] = [];
    const again = (): void => {
      expect(scene.guard.holdBack("chat", chat("h1", "final"), again)).toBe(false);
      sent.push(Date.now());
    };
    const startedAt = Date.now();
    await scene.heartbeat(async () => {
      scene.agentEvent({ runId: "h1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      scene.guard.holdBack("chat", chat("h1", "final"), again);
      return Promise.resolve(RAN);
    });
    await vi.advanceTimersByTimeAsync(300_000);
    expect(sent).toEqual([startedAt + 60_000]);
  });

  test("a heartbeat's frames are held up to a bound, and the oldest falls off", async () => {
    const sent: number[] = [];
    await scene.heartbeat(async () => {
      scene.agentEvent({ runId: "h1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } });
      for (let i = 0; i < 100; i += 1) scene.guard.holdBack("chat", chat("h1", "final"), () => sent.push(i));
      return Promise.resolve(RAN);
    });
    scene.agentEvent({ runId: "t1", sessionKey: MAIN, stream: "lifecycle", data: { phase: "end" } });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual(Array.from({ length: 64 }, (_, i) => i + 36));
  });

  test("an aborted heartbeat's frames are dropped altogether, as it runs again", async () => {
    const sent: string[] = [];
    const answer = scene.heartbeat(
      () =>
        new Promise((resolve) =>
          scene.handle(() => {
            expect(scene.guard.holdBack("chat", chat("h1", "final"), () => sent.push("final"))).toBe(true);
            expect(scene.guard.holdBack("heartbeat", { status: "failed" }, () => {})).toBe(true);
            resolve(RAN);
          }),
        ),
    );
    await Promise.resolve();
    const { ready } = scene.send("r1");
    await vi.advanceTimersByTimeAsync(150);
    await ready;
    await answer;
    scene.guard.holdBack("chat", chat("r1", "final"), () => {});
    await vi.advanceTimersByTimeAsync(120_000);
    expect(sent).toEqual([]);
  });

  test("frames of another kind, or without a run, pass a heartbeat", () => {
    for (const payload of [undefined, null, 7, {}, { runId: 7 }]) {
      for (const event of ["chat", "agent", "heartbeat", "tick"])
        expect(scene.guard.holdBack(event, payload, () => {})).toBe(false);
    }
  });
});
