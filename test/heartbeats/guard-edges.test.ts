/** The guard beyond clients' requests: heartbeats that go wrong, channels' messages, and older releases. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BUSY, type Body, type Fn, GuardScene, MAIN, RAN } from "./guard-scene.ts";

let scene: GuardScene;

beforeEach(() => {
  vi.useFakeTimers();
  scene = new GuardScene().begin();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a heartbeat that goes wrong", () => {
  /** Nothing is taken for a heartbeat under way any more, and the next one runs. */
  async function expectFree(): Promise<void> {
    const request = scene.send("r1");
    expect(request.ready).toBeUndefined();
    request.done();
    scene.run("r1");
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
    expect(scene.failures).toBe(0);
  }

  test.each<[string, Body]>([
    ["rejects", () => Promise.reject(new Error("theirs"))],
    [
      "throws",
      () => {
        throw new Error("theirs");
      },
    ],
  ])("a heartbeat that %s leaves its session free and its wake to the release", async (_, body) => {
    await expect(scene.heartbeat(body)).rejects.toThrow("theirs");
    await expectFree();
  });

  test.each([undefined, null, "ran", 7, [], {}, { status: 5, reason: {} }, { status: "skipped" }])(
    "a heartbeat that answers %j leaves its session free and its wake to the release",
    async (answer) => {
      await expect(scene.heartbeat(() => Promise.resolve(answer))).resolves.toBe(answer);
      await expectFree();
    },
  );

  test("a heartbeat that never settles counts as under way, and others of its session are left to the release", async () => {
    scene.running(false);
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
    const { ready } = scene.send("r1", "agent:ops:main");
    expect(ready).toBeUndefined();
    expect(scene.failures).toBe(0);
  });

  test("a heartbeat that fails after it was aborted is requested again all the same", async () => {
    const answer = scene.heartbeat(() => new Promise((_, reject) => scene.handle(() => reject(new Error("aborted")))));
    const { ready } = scene.send("r1");
    await expect(answer).resolves.toEqual(BUSY);
    await vi.advanceTimersByTimeAsync(150);
    await ready;
    expect(scene.failures).toBe(0);
  });
});

describe("a channel's message", () => {
  const reply = (original: Body): Fn => scene.replaced("getReplyFromConfig", original);

  test("a channel's message aborts a heartbeat on its session, is answered when that has ended, and delays the next one", async () => {
    const { answer, aborted } = scene.running();
    const pending = Promise.withResolvers<unknown>();
    const original = vi.fn<Body>(() => pending.promise);
    const replied = reply(original)({ SessionKey: MAIN, Body: "hello" }, {}, {});
    expect(aborted()).toBe(true);
    expect(original).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(150);
    expect(original).toHaveBeenCalledWith({ SessionKey: MAIN, Body: "hello" }, {}, {});
    await expect(answer).resolves.toEqual(BUSY);
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
    pending.resolve({ text: "hi" });
    await expect(replied).resolves.toEqual({ text: "hi" });
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test("a channel's message that cannot be answered fails as it does without the module, and is over", async () => {
    const failing = reply(() => Promise.reject(new Error("theirs")));
    await expect(failing({ SessionKey: MAIN })).rejects.toThrow("theirs");
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test("a channel's message leaves aborting to a release that aborts heartbeats itself", async () => {
    scene.functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    const { aborted, end } = scene.running();
    await expect(reply(() => Promise.resolve("hi"))({ SessionKey: MAIN })).resolves.toBe("hi");
    expect(aborted()).toBe(false);
    end();
  });
});

describe("on a release that does not stand an aborted heartbeat", () => {
  beforeEach(() => void (scene.mayAbort = false));

  test("a message waits for the heartbeat and does not abort it", async () => {
    const { answer, aborted, end } = scene.running();
    const request = scene.send("r1");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(aborted()).toBe(false);
    end();
    await expect(answer).resolves.toEqual(RAN);
    await vi.advanceTimersByTimeAsync(2_500);
    await request.ready;
  });

  test("a message waits for ten seconds at most, and the next one does not wait", async () => {
    const { answer, aborted, end } = scene.running();
    const request = scene.send("r1");
    await vi.advanceTimersByTimeAsync(10_000);
    await request.ready;
    expect(scene.send("r2").ready).toBeUndefined();
    expect(aborted()).toBe(false);
    end();
    await expect(answer).resolves.toEqual(RAN);
  });
});

describe("the quiet time", () => {
  async function quietFor(settings: { quietMs?: number }): Promise<number> {
    scene.begin({ maxDeferMs: 600_000, preempt: true, ...settings }).run("r1");
    const from = Date.now();
    while ((await scene.heartbeat(() => Promise.resolve(RAN), "interval")) !== RAN) vi.advanceTimersByTime(1_000);
    return Date.now() - from;
  }

  test("the quiet time is ten seconds, and the release's own minute from 2026.8 on", async () => {
    await expect(quietFor({})).resolves.toBe(10_000);
    // Its module may be loaded after the gateway's start.
    scene.functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    await expect(quietFor({})).resolves.toBe(60_000);
  });

  test("the quiet time is the configured one on every release", async () => {
    scene.functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    await expect(quietFor({ quietMs: 3_000 })).resolves.toBe(3_000);
    await expect(quietFor({ quietMs: 0 })).resolves.toBe(0);
  });
});

test("a heartbeat is deferred for nine minutes at most where the release ends its job after ten", async () => {
  async function deferredFor(): Promise<number> {
    scene.begin({ quietMs: 600_000, maxDeferMs: 900_000, preempt: true });
    const from = Date.now();
    do {
      scene.run(`r${Date.now()}`);
      vi.advanceTimersByTime(10_000);
    } while ((await scene.heartbeat(() => Promise.resolve(RAN), "interval")) !== RAN);
    return Date.now() - from;
  }
  await expect(deferredFor()).resolves.toBe(910_000);
  scene.functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
  await expect(deferredFor()).resolves.toBe(550_000);
});

describe("a release without a function, or with one that fails", () => {
  test("functions of the release that throw leave heartbeats as they are", async () => {
    scene.functions["resolveHeartbeatSession"] = [
      () => {
        throw new Error("theirs");
      },
    ];
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
    expect(scene.failures).toBe(1);
  });

  test("heartbeats are as they are before a gateway has begun", async () => {
    scene = new GuardScene();
    expect(scene.request("chat.send", { sessionKey: "main" })).toBeUndefined();
    expect(scene.guard.turn(MAIN)).toBeUndefined();
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
    expect(scene.failures).toBe(0);
  });
});

describe("the machine's clock is set anew", () => {
  const scheduled = (): Promise<unknown> => scene.heartbeat(() => Promise.resolve(RAN), "interval");
  const HOURS = 6 * 3_600_000;

  test.each([-HOURS, HOURS])(
    "scheduled heartbeats wait for the quiet time, no more and no less, when the clock jumps by %i ms after a run",
    async (jump) => {
      scene.run("r1");
      vi.setSystemTime(Date.now() + jump);
      await expect(scheduled()).resolves.toEqual(BUSY);
      await vi.advanceTimersByTimeAsync(5_000);
      await expect(scheduled()).resolves.toEqual(RAN);
    },
  );

  test.each([-HOURS, HOURS])(
    "a wake is deferred for its bound and no longer when the clock jumps by %i ms during a run",
    async (jump) => {
      scene.send("r1");
      await expect(scene.heartbeat()).resolves.toEqual(BUSY);
      vi.setSystemTime(Date.now() + jump);
      for (let second = 1; second < 60; second += 1) {
        await vi.advanceTimersByTimeAsync(1_000);
        await expect(scene.heartbeat(), `after ${second} s`).resolves.toEqual(BUSY);
      }
      await vi.advanceTimersByTimeAsync(1_000);
      await expect(scene.heartbeat()).resolves.toEqual(RAN);
    },
  );

  test("a run that has ended unseen is forgotten in time when the clock is set back", async () => {
    scene.send("r1");
    vi.setSystemTime(Date.now() - HOURS);
    await vi.advanceTimersByTimeAsync(10 * 60_000 + 1);
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
    expect(scene.guard.status().runs).toBe(0);
  });
});

test("a heartbeat that outlasts a restart of the gateway still has its words held, also if its run was seen before", async () => {
  const gate = Promise.withResolvers<unknown>();
  const says = (): boolean => scene.guard.holdBack("chat", { runId: "h1", state: "delta" }, () => {});
  const answer = scene.heartbeat(async () => {
    await gate.promise;
    expect(says()).toBe(true);
    return RAN;
  });
  // Outside the heartbeat's own context, as the output of a program that it has started.
  says();
  scene.begin();
  scene.send("u1");
  gate.resolve(undefined);
  await expect(answer).resolves.toEqual(RAN);
});

test("an event that cannot be read passes, and counts as a failure", () => {
  const unreadable = Object.defineProperty({ runId: "r1" }, "state", {
    get: () => {
      throw new Error("unreadable");
    },
  });
  expect(scene.guard.holdBack("chat", unreadable, () => {})).toBe(false);
  expect(scene.failures).toBe(1);
});
