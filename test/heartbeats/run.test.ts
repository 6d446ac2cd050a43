import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  guardHeartbeats,
  type HeartbeatGate,
  heartbeatReplacements,
  type RunHeartbeat,
} from "../../src/heartbeats/attach.ts";
import { currentHeartbeat, HeartbeatRun } from "../../src/heartbeats/run.ts";
import { TakenEvents } from "../../src/heartbeats/taken-events.ts";

const WAKE = { sessionKey: "agent:main:main", agentId: "main", scheduled: false };
const BUSY = { status: "skipped", reason: "requests-in-flight", retryAtMs: 7 } as const;

type Admit = ReturnType<HeartbeatGate["admit"]>;
type Fn = (...args: unknown[]) => unknown;

let run: HeartbeatRun;
let admitted: Admit;
let finished: unknown[];
let started: number;
let turns: HeartbeatGate["turn"];
let gate: HeartbeatGate;

beforeEach(() => {
  run = new HeartbeatRun(WAKE, false);
  admitted = run;
  finished = [];
  started = 0;
  turns = () => undefined;
  gate = {
    admit: () => admitted,
    finished: (ended, result) => {
      finished.push(result);
      return ended.aborted ? BUSY : undefined;
    },
    started: () => void (started += 1),
    turn: (sessionKey) => turns(sessionKey),
    enters: () => undefined,
  };
});

function replaced(name: string, original: Fn): Fn {
  return heartbeatReplacements(gate, () => 3)[name]!(original) as Fn;
}

describe("a heartbeat", () => {
  test("a heartbeat is called with what the gateway gave and answers what it answered", async () => {
    const original = vi.fn<RunHeartbeat>(() => Promise.resolve({ status: "ran", durationMs: 1 }));
    const options = { reason: "wake", agentId: "main" };
    await expect(guardHeartbeats(original, gate)(options, "more")).resolves.toEqual({ status: "ran", durationMs: 1 });
    expect(original).toHaveBeenCalledWith(options, "more");
    expect(finished).toEqual([{ status: "ran", durationMs: 1 }]);
  });

  test("a deferred heartbeat is not called and answers what makes the release ask again", async () => {
    admitted = BUSY;
    const original = vi.fn<RunHeartbeat>();
    await expect(guardHeartbeats(original, gate)({})).resolves.toEqual(BUSY);
    expect(original).not.toHaveBeenCalled();
  });

  test("a heartbeat that the gate has nothing to do with passes unchanged", async () => {
    admitted = undefined;
    const original: RunHeartbeat = () => Promise.resolve(currentHeartbeat());
    await expect(guardHeartbeats(original, gate)({})).resolves.toBeUndefined();
    expect(finished).toEqual([]);
  });

  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a text", "ran"],
    ["a number", 7],
  ])("a heartbeat that answers nonsense (%s) passes that on", async (_, nonsense) => {
    await expect(guardHeartbeats(() => Promise.resolve(nonsense), gate)({})).resolves.toBe(nonsense);
    expect(run.live).toBe(false);
  });

  test.each<[string, RunHeartbeat]>([
    ["rejects", () => Promise.reject(new Error("theirs"))],
    [
      "throws",
      () => {
        throw new Error("theirs");
      },
    ],
  ])("a heartbeat that %s does so to its caller and is over", async (_, original) => {
    await expect(guardHeartbeats(original, gate)({})).rejects.toThrow("theirs");
    await run.settled;
    expect(finished).toEqual([undefined]);
  });

  test("a heartbeat that never settles stays under way", async () => {
    void guardHeartbeats(() => new Promise(() => {}), gate)({});
    await turn();
    expect(run.live).toBe(true);
    expect(finished).toEqual([]);
  });
});

describe("what a heartbeat starts", () => {
  test("a run that a heartbeat starts counts as its own until the heartbeat has settled", async () => {
    let later: Promise<unknown> | undefined;
    const seen: unknown[] = [];
    await guardHeartbeats(async () => {
      seen.push(currentHeartbeat());
      later = sleep(20).then(() => currentHeartbeat());
      await turn();
      seen.push(currentHeartbeat());
    }, gate)({});
    expect(seen).toEqual([run, run]);
    expect(currentHeartbeat()).toBeUndefined();
    await expect(later).resolves.toBeUndefined();
  });

  test("a task in a lane belongs to the heartbeat that queued it, not to what ran before it", async () => {
    const queue: Fn[] = [];
    const enqueue = replaced("enqueueCommandInLane", (_, task) => queue.push(task as Fn));
    const ran: [string, unknown][] = [];
    const pending = Promise.withResolvers<void>();
    enqueue("main", () => ran.push(["user", currentHeartbeat()]), {});
    const heartbeat = guardHeartbeats(() => {
      enqueue("main", () => ran.push(["heartbeat", currentHeartbeat()]));
      queue.shift()!();
      return pending.promise;
    }, gate)({});
    queue.shift()!();
    pending.resolve();
    await heartbeat;
    expect(ran).toEqual([
      ["user", undefined],
      ["heartbeat", run],
    ]);
  });

  test("events that a heartbeat takes from a queue are noted, and others are not", async () => {
    const events = [{ text: "one" }, { text: "two" }];
    const drain = replaced("drainSystemEventEntries", () => events);
    expect(drain("agent:main:main")).toBe(events);
    await guardHeartbeats(() => Promise.resolve(drain("agent:main:main")), gate)({});
    const back: unknown[] = [];
    const enqueue = (...args: unknown[]): void => void back.push(args);
    run.events.giveBack(() => [() => {}, () => {}, () => {}, enqueue]);
    expect(back).toEqual(events.map(({ text }) => [text, { sessionKey: "agent:main:main" }]));
  });
});

describe("aborting", () => {
  const register = (handle: unknown): unknown => replaced("setActiveEmbeddedRun", () => "set")("id", handle, "key");
  const clear = (handle: unknown): unknown => replaced("clearActiveEmbeddedRun", () => "cleared")("id", handle);

  async function during(action: () => unknown): Promise<unknown> {
    return guardHeartbeats(async () => {
      await action();
      return { status: "ran" };
    }, gate)({});
  }

  test("aborting ends the run by the gateway's own handle and has it run again", async () => {
    const abort = vi.fn<() => void>();
    const answer = await during(() => {
      expect(register({ abort })).toBe("set");
      run.preempt();
    });
    expect(abort).toHaveBeenCalledTimes(1);
    expect(answer).toEqual(BUSY);
  });

  test("aborting before the run has a handle happens when it gets one", async () => {
    const abort = vi.fn<() => void>();
    await during(() => {
      run.preempt();
      expect(run.aborted).toBe(false);
      register({ abort });
    });
    expect(abort).toHaveBeenCalledTimes(1);
    expect(run.aborted).toBe(true);
  });

  test("aborting does nothing to a run that is over", async () => {
    const abort = vi.fn<() => void>();
    const answer = await during(() => {
      const handle = { abort };
      register(handle);
      expect(clear(handle)).toBe("cleared");
      run.preempt();
    });
    expect(abort).not.toHaveBeenCalled();
    expect(answer).toEqual({ status: "ran" });
  });

  test.each([undefined, null, 7, {}, { abort: "no" }])("aborting is not tried on a handle like %s", async (handle) => {
    await during(() => {
      register(handle);
      run.preempt();
    });
    expect(run.aborted).toBe(false);
  });

  test("aborting survives a handle that throws", async () => {
    const abort = (): void => {
      throw new Error("theirs");
    };
    await expect(
      during(() => {
        register({ abort });
        run.preempt();
      }),
    ).resolves.toEqual(BUSY);
  });

  test("aborting never touches the handle of a user's run", async () => {
    const abort = vi.fn<() => void>();
    register({ abort });
    await during(() => run.preempt());
    expect(abort).not.toHaveBeenCalled();
  });

  test("aborting makes the reply of the run an error, so that nobody delivers it", async () => {
    const getReply = replaced("getReplyFromConfig", () => Promise.resolve({ text: "of the turn before" }));
    await expect(getReply({})).resolves.toEqual({ text: "of the turn before" });
    const answer = guardHeartbeats(async () => {
      register({ abort: () => {} });
      run.preempt();
      return getReply({});
    }, gate)({});
    await expect(answer).resolves.toEqual(BUSY);
  });
});

describe("a message that is about to be answered", () => {
  const answered = (...args: unknown[]): unknown =>
    replaced("getReplyFromConfig", (...given) => Promise.resolve(given))(...args);

  test.each<[string, object, string]>([
    ["its session", { SessionKey: "agent:main:main" }, "agent:main:main"],
    [
      "the session that a channel's own command is about",
      { SessionKey: "telegram:slash:1", CommandSource: "native", CommandTargetSessionKey: "agent:main:main" },
      "agent:main:main",
    ],
    ["its own session otherwise", { SessionKey: "a", CommandSource: "text", CommandTargetSessionKey: "b" }, "a"],
  ])(
    "a message about to be answered is reported with %s, and reported again when it is over",
    async (_, message, expected) => {
      const told: unknown[] = [];
      turns = (sessionKey) => {
        told.push(sessionKey);
        const done = (): void => void told.push("done");
        const ready = Promise.resolve();
        return { sessionKey: expected, live: true, ready, events: new TakenEvents(), ran: false, done };
      };
      await expect(answered(message, {}, "more")).resolves.toEqual([message, {}, "more"]);
      expect(told).toEqual([expected, "done"]);
    },
  );

  test.each<[string, unknown[]]>([
    ["a heartbeat's prompt", [{ SessionKey: "agent:main:main" }, { isHeartbeat: true }]],
    ["a message without a session", [{}]],
    ["nothing", []],
    ["nonsense", [7, 7]],
  ])("the gate hears nothing of %s", async (_, args) => {
    turns = () => {
      throw new Error("asked");
    };
    await expect(answered(...args)).resolves.toEqual(args);
  });

  test("the gate hears nothing of what a heartbeat asks in its own run", async () => {
    turns = () => {
      throw new Error("asked");
    };
    const call = (): Promise<unknown> => Promise.resolve(answered({ SessionKey: "agent:main:main" }));
    await expect(guardHeartbeats(call, gate)({})).resolves.toEqual([{ SessionKey: "agent:main:main" }]);
  });
});

test("the start of a runner is reported and its stop is not", () => {
  const set = replaced("setHeartbeatWakeHandler", (next) => ["set", next]);
  expect(set(null)).toEqual(["set", null]);
  expect(started).toBe(0);
  const handler = (): void => {};
  expect(set(handler)).toEqual(["set", handler]);
  expect(started).toBe(1);
});
