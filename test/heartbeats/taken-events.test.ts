/** The events that a message or a heartbeat takes out of their queues, and what happens to those that no model gets. */
import { beforeEach, describe, expect, test } from "vitest";
import { TakenEvents } from "../../src/heartbeats/taken-events.ts";
import { type Fn, GuardScene, MAIN } from "./guard-scene.ts";

const EVENT = { text: "Exec completed (brave-fox, code 0) :: built", trusted: false };
const BACK = [EVENT.text, { sessionKey: MAIN, trusted: false }];

let scene: GuardScene;
let put: unknown[][];

beforeEach(() => {
  put = [];
  scene = new GuardScene().begin();
  scene.functions["enqueueSystemEvent"] = [(...args: unknown[]) => put.push(args)];
  // Only releases that have this queue a message without its events.
  scene.functions["prependSystemEvents"] = [() => undefined];
});

/** A message on the main session takes the event; `answers` is the rest of what answers it. */
async function message(answers: () => unknown): Promise<unknown> {
  const take = scene.replaced("drainSystemEventEntries", () => [EVENT]);
  const getReply = scene.replaced("getReplyFromConfig", async () => {
    await Promise.resolve();
    take(MAIN);
    return await answers();
  });
  return await getReply({ SessionKey: MAIN }, {});
}

/** The lane runs a task later, out of the context of a run before it. */
const queued: (() => unknown)[] = [];
const inLane = (task: () => unknown): void =>
  void scene.replaced("enqueueCommandInLane", (_, bound) => queued.push(bound as () => unknown))("session:x", task);

describe("the events that a user's message takes", () => {
  test("a message that is queued behind a run gives its events back", async () => {
    await message(() => undefined);
    expect(put).toEqual([BACK]);
  });

  test("a message that fails before its model call gives its events back", async () => {
    await expect(message(() => Promise.reject(new Error("unknown model")))).rejects.toThrow("unknown model");
    expect(put).toEqual([BACK]);
  });

  test.each<[string, () => unknown]>([
    ["makes itself abortable", () => scene.handle(() => {})],
    [
      "reports its start",
      () => scene.agentEvent({ runId: "r", sessionKey: MAIN, stream: "lifecycle", data: { phase: "start" } }),
    ],
  ])("a message whose run %s keeps its events, whatever it answers", async (_, begin) => {
    await message(() => void begin());
    expect(put).toEqual([]);
  });

  test("a message whose run waited in a lane keeps its events", async () => {
    const pending = Promise.withResolvers<void>();
    const answered = message(() => {
      inLane(() => scene.handle(() => {}));
      return pending.promise;
    });
    await new Promise((resolve) => setImmediate(resolve));
    for (const run of queued.splice(0)) run();
    pending.resolve();
    await answered;
    expect(put).toEqual([]);
  });

  test("the run of a message does not keep the events of the next one", async () => {
    await message(() => scene.handle(() => {}));
    await message(() => undefined);
    expect(put).toEqual([BACK]);
  });

  test("a heartbeat that a message sets off does not keep the message's events", async () => {
    const beat = scene.replaced("runHeartbeatOnce", async () => {
      scene.handle(() => {});
      scene.agentEvent({ runId: "beat", stream: "lifecycle", data: { phase: "start" } });
      return await Promise.resolve({ status: "ran" });
    });
    await message(() => beat({ agentId: "ops", sessionKey: "agent:ops:main" }));
    expect(put).toEqual([BACK]);
  });

  test("on releases whose queued messages hold their events, nothing is given back", async () => {
    delete scene.functions["prependSystemEvents"];
    await message(() => undefined);
    expect(put).toEqual([]);
  });
});

describe("what was taken", () => {
  const given = (events: TakenEvents, ...enqueue: Fn[]): void => events.giveBack(() => enqueue);

  test("it is bounded, and nonsense is left out", () => {
    const events = new TakenEvents();
    events.add(
      "k",
      Array.from({ length: 500 }, () => EVENT),
      0,
    );
    events.add("k", "nonsense", 0);
    given(events, (...args) => put.push(args));
    expect(put).toHaveLength(100);
  });

  test("it goes back once, to its own copy of the queues", () => {
    const events = new TakenEvents();
    events.add(MAIN, [EVENT, { text: 7 }], 1);
    const other: unknown[] = [];
    for (let times = 0; times < 2; times += 1) {
      given(
        events,
        () => other.push(1),
        (...args) => put.push(args),
      );
    }
    expect({ put, other }).toEqual({ put: [BACK], other: [] });
  });

  test("one that the release refuses does not take the others with it", () => {
    const events = new TakenEvents();
    events.add(MAIN, [{ text: "refused" }, EVENT], 0);
    const enqueue = (...args: unknown[]): void => {
      if (args[0] === "refused") throw new Error("refused");
      put.push(args);
    };
    expect(() => given(events, enqueue)).toThrow("refused");
    expect(put).toEqual([BACK]);
  });
});
