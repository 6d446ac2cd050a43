/** Runs that only their session's lane shows, such as those of messages by HTTP, and the heartbeats that they meet. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BUSY, GuardScene, MAIN, RAN } from "./guard-scene.ts";

const LANE = `session:${MAIN}`;

let scene: GuardScene;
/** What has entered a lane, in this order. */
let entered: string[];
let tasks: Record<string, PromiseWithResolvers<unknown>>;

beforeEach(() => {
  vi.useFakeTimers();
  scene = new GuardScene().begin();
  entered = [];
  tasks = {};
});

afterEach(() => {
  expect(scene.failures).toBe(0);
  vi.useRealTimers();
});

/** A run enters a lane; it goes on until it is ended. */
function enter(name: string, lane = LANE): Promise<unknown> {
  tasks[name] = Promise.withResolvers();
  const enqueue = scene.replaced("enqueueCommandInLane", (_, task) => {
    entered.push(name);
    return (task as () => unknown)();
  });
  return Promise.resolve(enqueue(lane, () => tasks[name]!.promise, {}));
}

describe("a run that no request has announced", () => {
  test("it aborts the heartbeat of its session, enters its lane after that, and delays the next heartbeat", async () => {
    const { answer, aborted } = scene.running();
    const run = enter("run");
    expect({ aborted: aborted(), entered }).toEqual({ aborted: true, entered: [] });
    await expect(answer).resolves.toEqual(BUSY);
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
    await vi.advanceTimersByTimeAsync(150);
    expect(entered).toEqual(["run"]);
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
    tasks["run"]!.resolve("answer");
    await expect(run).resolves.toBe("answer");
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test("one that comes a little later enters behind it, also when the heartbeat has ended", async () => {
    const { answer } = scene.running();
    void enter("first");
    void enter("second");
    await expect(answer).resolves.toEqual(BUSY);
    await vi.advanceTimersByTimeAsync(100);
    void enter("third");
    expect(entered).toEqual([]);
    await vi.advanceTimersByTimeAsync(50);
    expect(entered).toEqual(["first", "second", "third"]);
    void enter("fourth");
    expect(entered).toHaveLength(4);
  });

  test("it fails as it does without the module, and is over", async () => {
    scene.running();
    const run = enter("run");
    await vi.advanceTimersByTimeAsync(150);
    tasks["run"]!.reject(new Error("theirs"));
    await expect(run).rejects.toThrow("theirs");
    await expect(scene.heartbeat()).resolves.toEqual(RAN);
  });

  test("it waits ten seconds at most for a heartbeat that cannot be aborted, and no later one waits", async () => {
    scene.running(false);
    void enter("run");
    await vi.advanceTimersByTimeAsync(9_999);
    expect(entered).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(entered).toEqual(["run"]);
    void enter("later");
    expect(entered).toHaveLength(2);
  });
});

describe("what enters a lane at once, and aborts nothing", () => {
  test.each(["main", "cron", "session:agent:main:other", "session:", 7, null])("a task in lane %j", (lane) => {
    const { aborted } = scene.running();
    void enter("task", lane as string);
    expect({ aborted: aborted(), entered }).toEqual({ aborted: false, entered: ["task"] });
  });

  test("the heartbeat's own run", () => {
    void scene.heartbeat(() => enter("own"));
    expect(entered).toEqual(["own"]);
  });

  test("the run of a second heartbeat on the session, also from a lane", () => {
    const { aborted } = scene.running();
    const fromLane = scene.replaced("enqueueCommandInLane", (_, task) => (task as () => unknown)());
    void scene.heartbeat(() => Promise.resolve(fromLane("main", () => enter("second"))));
    expect({ aborted: aborted(), entered }).toEqual({ aborted: false, entered: ["second"] });
  });

  test("the run of a message that has waited already", async () => {
    scene.running(false);
    const reply = scene.replaced("getReplyFromConfig", () => enter("message"));
    void reply({ SessionKey: "main" }, {});
    await vi.advanceTimersByTimeAsync(10_000);
    expect(entered).toEqual(["message"]);
  });

  test("the run of a message alongside a heartbeat that has waited for as long as allowed", async () => {
    let enters = (): unknown => undefined;
    const reply = scene.replaced("getReplyFromConfig", () =>
      new Promise((resolve) => (enters = () => resolve(0))).then(() => enter("message")),
    );
    void reply({ SessionKey: "main" }, {});
    await expect(scene.heartbeat()).resolves.toEqual(BUSY);
    await vi.advanceTimersByTimeAsync(60_000);
    const { aborted } = scene.running();
    enters();
    await vi.advanceTimersByTimeAsync(0);
    expect({ aborted: aborted(), entered }).toEqual({ aborted: false, entered: ["message"] });
  });

  test("a run during the delivery of the heartbeat's answer", () => {
    void scene.heartbeat(() => {
      scene.handle(() => {})();
      return new Promise(() => {});
    });
    void enter("run");
    expect(entered).toEqual(["run"]);
  });

  test("a run where the settings keep messages from aborting heartbeats", () => {
    scene.begin({ quietMs: 5_000, maxDeferMs: 60_000, preempt: false });
    const { aborted } = scene.running();
    void enter("run");
    expect({ aborted: aborted(), entered }).toEqual({ aborted: false, entered: ["run"] });
  });

  test("a run on a release that does not stand an aborted heartbeat, or aborts it itself", () => {
    const { aborted } = scene.running();
    scene.mayAbort = false;
    void enter("run");
    scene.mayAbort = true;
    scene.functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    void enter("another");
    expect({ aborted: aborted(), entered }).toEqual({ aborted: false, entered: ["run", "another"] });
  });
});
