import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cronEventReplacements } from "../../src/wakes/attach.ts";
import { type Fn, MAIN, type Options, release, RUN, type Setting } from "./cron-release.ts";

const JOB = "agent:main:cron:job";

describe("an event of a cron run", () => {
  test("a cron run's event goes to the main session with its other options, and the caller's object does not change", () => {
    const gateway = release();
    const options = Object.freeze({ sessionKey: RUN, contextKey: "exec:1" });
    expect(gateway.enqueue("done", options)).toBe(true);
    expect([...gateway.queues]).toEqual([[MAIN, ["done"]]]);
    expect(gateway.counts).toEqual({ remapped: 1 });
  });

  test.each([
    [{ session: { scope: "global" } }, RUN, "global"],
    [{ session: { scope: "global" }, has: ["enqueueOwnedSystemEventEntry"] }, RUN, "agent:main:global"],
    [{ session: { mainKey: "primary" } }, RUN, "agent:main:primary"],
    [{ enabled: false }, RUN, RUN],
    [{}, "agent:main:chat", "agent:main:chat"],
    [{}, "global", "global"],
    // Wakes name a session here: then this is the job's own session, which has a heartbeat.
    [{}, JOB, JOB],
  ] as [Setting, string, string][])("a cron run's event with %j from %s is under %s", (setting, from, to) => {
    const gateway = release(setting);
    gateway.enqueue("done", { sessionKey: from });
    expect([...gateway.queues.keys()]).toEqual([to]);
  });

  test("a cron run's event of 2026.2, whose runs have the job's key and whose wakes name no session, is remapped too", () => {
    const gateway = release();
    delete gateway.originals["requestHeartbeat"];
    gateway.enqueue("done", { sessionKey: JOB });
    expect([...gateway.queues.keys()]).toEqual([MAIN]);
  });

  test("a cron run's event stays where it is when the configuration cannot be read, and the caller never learns of it", () => {
    const gateway = release();
    const broken = cronEventReplacements({
      enabled: () => true,
      session: () => {
        throw new Error("no configuration");
      },
      originals: () => [],
      count: (reason) => (gateway.counts[reason] = 1),
      warn: () => {},
      defaultAgent: () => "main",
      drained: (key) => key,
      follow: () => {},
      heartbeatOn: () => false,
    });
    const enqueue = broken["enqueueSystemEvent"]!(gateway.originals["enqueueSystemEvent"]!) as Fn;
    enqueue(...(["done", { sessionKey: RUN }] as never[]));
    expect([...gateway.queues.keys()]).toEqual([RUN]);
    expect(gateway.counts).toEqual({ error: 1 });
  });

  test.each([[undefined], [null], [7], [{}], [{ sessionKey: 7 }]])(
    "an event with options %j is left to the release",
    (options) => {
      const calls: unknown[] = [];
      const enqueue = release().replacements["enqueueSystemEvent"]!((...args: never[]) => calls.push(args)) as Fn;
      enqueue(...(["text", options, "receipt"] as never[]));
      expect(calls).toEqual([["text", options, "receipt"]]);
    },
  );
});

test("an event that replaces the oldest one of its kind drops nothing, and nested functions count once", () => {
  const { originals, replacements, counts } = release();
  const events = [{ id: "1", text: "old", contextKey: "a" }];
  originals["peekSystemEventEntries"] = () => [...events];
  const owned = replacements["enqueueOwnedSystemEventEntry"]!(() =>
    events.splice(0, 1, { id: "2", text: "new", contextKey: "a" }),
  ) as Fn;
  const enqueue = replacements["enqueueSystemEvent"]!(owned) as Fn;
  enqueue(...(["new", { sessionKey: MAIN, contextKey: "A", replace: true }] as never[]));
  expect(counts).toEqual({});
  events.splice(0, 1, { id: "3", text: "x", contextKey: "b" });
  enqueue(...(["new", { sessionKey: MAIN, contextKey: "A" }] as never[]));
  expect(counts).toEqual({ "queue-overflow": 1 });
});

describe("the end of a command", () => {
  const DONE = "Exec completed (brave-fox, code 0) :: built";
  const HOOK = "agent:ops:hook:some-id";

  test.each([
    [{}, RUN, MAIN, "main"],
    [{}, "agent:ops:cron:job:run:1", "agent:ops:main", "ops"],
    [{ session: { scope: "global" } }, "agent:ops:cron:job:run:1", "global", "ops"],
    [{}, "agent:Ops:web:chat", "agent:Ops:web:chat", "ops"],
    [{ session: { scope: "global" } }, "global", "global", "main"],
    // Wakes name a session here: the run of a webhook has a heartbeat of its own.
    [{}, HOOK, HOOK, "ops"],
  ] as [Setting, string, string, string][])(
    "the end of a command with %j from %s is followed under %s as agent %s",
    (setting, from, to, agentId) => {
      const gateway = release(setting);
      gateway.enqueue(` ${DONE} `, { sessionKey: from });
      expect(gateway.followed).toEqual([{ sessionKey: to, agentId, texts: [DONE] }]);
    },
  );

  test.each([
    [{ enabled: false }, "agent:main:web:chat", DONE],
    [{}, "agent:main:web:chat", "Exec started (brave-fox)"],
    [{}, "agent:main:web:chat", "something else"],
    [{}, "main", DONE],
    [{}, undefined, DONE],
  ] as [Setting, string | undefined, string][])(
    "with %j from %s the event %j is not followed",
    (setting, key, text) => {
      const gateway = release(setting);
      gateway.enqueue(text, { sessionKey: key });
      expect(gateway.followed).toEqual([]);
    },
  );

  test("the end of a command under a key that the client wrote goes to the queue of the same session, and no other event does", () => {
    const gateway = release({ drained: (key) => (key.trim() === "bar" ? "agent:ops:bar" : key) });
    gateway.enqueue(DONE, { sessionKey: " bar " });
    gateway.enqueue("something else", { sessionKey: "bar" });
    expect([...gateway.queues]).toEqual([
      ["agent:ops:bar", [DONE]],
      ["bar", ["something else"]],
    ]);
    expect(gateway.followed).toEqual([{ sessionKey: "agent:ops:bar", agentId: "ops", texts: [DONE] }]);
  });

  test("the end of a command in a queue from which nothing is taken gets no heartbeat on another session, is counted, and warned of once", () => {
    const gateway = release({ drained: () => undefined });
    for (const sessionKey of ["agent:ops:Web", "bar"]) gateway.enqueue(DONE, { sessionKey });
    expect([...gateway.queues.keys()]).toEqual(["agent:ops:Web", "bar"]);
    expect(gateway.followed).toEqual([]);
    expect(gateway.counts).toEqual({ "wake-unanswered": 2 });
    expect(gateway.warnings).toEqual([expect.stringMatching(/stays in its session's queue/)]);
  });

  test("the end of a command stays where it is when its queue cannot be found, and the caller never learns of it", () => {
    const gateway = release({
      drained: () => {
        throw new Error("no configuration");
      },
    });
    expect(gateway.enqueue(DONE, { sessionKey: "bar" })).toBe(true);
    expect([...gateway.queues.keys()]).toEqual(["bar"]);
    expect(gateway.followed).toEqual([]);
    expect(gateway.counts).toEqual({ error: 2 });
  });

  test("on a release whose wakes name no session the end of a webhook's command goes to the main session, and no other event does", () => {
    const gateway = release();
    delete gateway.originals["requestHeartbeat"];
    gateway.enqueue(DONE, { sessionKey: HOOK });
    gateway.enqueue("sent on purpose", { sessionKey: HOOK });
    expect([...gateway.queues]).toEqual([
      ["agent:ops:main", [DONE]],
      [HOOK, ["sent on purpose"]],
    ]);
    expect(gateway.counts).toEqual({ remapped: 1 });
  });
});

describe("the wake that follows", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test.each([
    [{}, { sessionKey: MAIN, intent: "immediate", reason: "exec-event" }],
    [{ session: { scope: "global" } }, { agentId: "main", intent: "immediate", reason: "exec-event" }],
    [{ enabled: false }, { sessionKey: RUN, intent: "event", reason: "exec-event" }],
  ] as [Setting, Options][])(
    "the wake of a cron run's event with %j is %j, at once even if the next heartbeat is not due",
    (setting, wake) => {
      const gateway = release(setting);
      gateway.request({ sessionKey: RUN, intent: "event", reason: "exec-event" });
      expect(gateway.wakes).toEqual([wake]);
    },
  );

  test("the wake of a chat session and the scheduled wake are left alone", () => {
    const gateway = release();
    const wakes = [{ sessionKey: "agent:main:chat", intent: "event" }, { intent: "scheduled" }];
    for (const wake of wakes) gateway.request(wake);
    gateway.request(undefined);
    expect(gateway.wakes).toEqual([...wakes, undefined]);
    expect(gateway.wakes[0]).toBe(wakes[0]);
  });

  test("what waits when a cron run's event is woken for is followed, and the wake itself is asked for once", () => {
    const gateway = release();
    gateway.enqueue("done", { sessionKey: RUN });
    expect(gateway.followed).toEqual([]);
    gateway.request({ sessionKey: RUN, intent: "event" });
    expect(gateway.followed).toEqual([{ sessionKey: MAIN, agentId: "main", texts: ["done"] }]);
    vi.advanceTimersByTime(3_600_000);
    expect(gateway.wakes).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("the wake in 2026.8.2 is remapped under the request function, keeps its settlements, and is not repeated", () => {
    const asked: unknown[][] = [];
    const { replacements } = release({ has: ["enqueueHeartbeatRequest"] });
    const request = replacements["enqueueHeartbeatRequest"]!((...args) => asked.push(args)) as (
      ...args: unknown[]
    ) => unknown;
    request({ sessionKey: RUN, intent: "event" }, ["settlement"]);
    vi.advanceTimersByTime(66_000);
    expect(asked).toEqual([[{ sessionKey: MAIN, intent: "event" }, ["settlement"]]]);
  });

  test("the wake from 2026.9.3 on is remapped in both request functions and keeps its intent and other members", () => {
    const asked: unknown[] = [];
    const runtime = {
      requestSessionEventWake: (wake: unknown) => void asked.push(wake),
      requestSessionEventWakeAndWait: async (wake: unknown, lifecycle: unknown) => void asked.push([wake, lifecycle]),
      setSessionEventWakesEnabled: () => {},
    };
    const create = release().replacements["createSessionEventWakeRuntime"]!(() => runtime) as () => typeof runtime;
    const routed = create();
    routed.requestSessionEventWake({ sessionKey: RUN, intent: "event" });
    void routed.requestSessionEventWakeAndWait({ sessionKey: RUN, intent: "task" }, "lifecycle");
    expect(asked).toEqual([{ sessionKey: MAIN, intent: "event" }, [{ sessionKey: MAIN, intent: "task" }, "lifecycle"]]);
    expect(routed.setSessionEventWakesEnabled).toBe(runtime.setSessionEventWakesEnabled);
  });
});

test("an acknowledgement is not remembered as a reply to deliver, and other replies are", () => {
  const { replacements } = release();
  const build = replacements["buildPendingFinalDeliveryText"]!((text: string) => text) as (text: string) => unknown;
  expect(["HEARTBEAT_OK", "Disk full", ""].map(build)).toEqual(["", "Disk full", ""]);
});
