import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { GatewayConfig } from "../../src/gateway/types.ts";
import { TargetedHeartbeats } from "../../src/wakes/errands.ts";

const OPS = { sessionKey: "agent:ops:main", agentId: "ops" };
const DONE = "Exec completed (brave-fox, code 0) :: built";
const MINUTE = 60_000;

type Answer = { status: string; reason?: string };

/** A release with one queue, whose heartbeats answer what `ran` says and take what waits when they run. */
function release(
  ran: () => Answer = () => ({ status: "ran" }),
  config: GatewayConfig = {},
  /** What `resolveHeartbeatSession` answers; a release without the function by default. */
  resolve?: (key: unknown) => object,
) {
  const queue = new Set<string>();
  const runs: Record<string, unknown>[] = [];
  const counts: Record<string, number> = {};
  const warnings: string[] = [];
  let under = false;
  const runHeartbeat = async (options: Record<string, unknown>): Promise<Answer> => {
    runs.push(options);
    const answer = ran();
    if (answer.status === "ran") queue.clear();
    return answer;
  };
  const heartbeats = new TargetedHeartbeats({
    config: () => config,
    originals: (name) =>
      resolve && name === "resolveHeartbeatSession"
        ? [((...[, , , key]: unknown[]) => resolve(key ?? "agent:ops:main")) as never]
        : [],
    replaced: (name) => (name === "runHeartbeatOnce" ? [runHeartbeat as never] : []),
    waiting: () => [...queue],
    heartbeatOn: () => under,
    count: (reason) => (counts[reason] = (counts[reason] ?? 0) + 1),
    warn: (message) => warnings.push(message),
  });
  const follow = (text = DONE): void => {
    queue.add(text);
    heartbeats.follow(OPS, new Map([[text, {}]]));
  };
  return { queue, runs, counts, warnings, heartbeats, follow, heartbeat: (on: boolean) => (under = on) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("an event that is followed", () => {
  test("an event that the release takes by itself within four seconds costs no heartbeat", async () => {
    const { queue, runs, follow } = release();
    follow();
    await vi.advanceTimersByTimeAsync(4_000);
    queue.clear();
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(runs).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("an event that still waits after four seconds gets one heartbeat of its session", async () => {
    const { runs, counts, follow } = release();
    follow();
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ agentId: "ops", sessionKey: "agent:ops:main", reason: "exec-event" });
    expect(counts).toEqual({});
  });

  test("an event waits while a heartbeat of the release is under way that may take it", async () => {
    const { queue, runs, follow, heartbeat } = release();
    heartbeat(true);
    follow();
    await vi.advanceTimersByTimeAsync(MINUTE);
    queue.clear();
    heartbeat(false);
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(runs).toEqual([]);
  });

  test("the release has the first go again each time that the gateway was busy", async () => {
    const answers: Answer[] = [{ status: "skipped", reason: "requests-in-flight" }];
    const { runs, follow } = release(() => answers.shift() ?? { status: "ran" });
    follow();
    await vi.advanceTimersByTimeAsync(4_300);
    expect(runs).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(4_900);
    expect(runs).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(runs).toHaveLength(2);
  });

  test("an event waits through quiet hours without a word, and is seen at their end", async () => {
    let quiet = true;
    const { runs, queue, counts, warnings, follow } = release(() =>
      quiet ? { status: "skipped", reason: "quiet-hours" } : { status: "ran" },
    );
    follow();
    await vi.advanceTimersByTimeAsync(8 * 60 * MINUTE);
    expect({ waiting: [...queue], warnings, counts }).toEqual({ waiting: [DONE], warnings: [], counts: {} });
    quiet = false;
    await vi.advanceTimersByTimeAsync(61_000);
    expect([...queue]).toEqual([]);
    expect(runs.length).toBeGreaterThan(400);
  });

  test("an event whose agent has active hours that end when they begin is warned of at once, and tried now and then", async () => {
    const hours = { start: "09:00", end: "09:00" };
    const list = [{ id: "ops", heartbeat: { activeHours: hours } }];
    const { runs, queue, counts, warnings, follow } = release(() => ({ status: "skipped", reason: "quiet-hours" }), {
      agents: { list },
    });
    follow();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(warnings).toEqual([
      "no heartbeat of agent ops took 1 event(s) of one of its sessions (quiet-hours); they stay in the session's queue",
    ]);
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect({ warnings: warnings.length, counts, waiting: [...queue] }).toEqual({
      warnings: 1,
      counts: { "wake-unanswered": 1 },
      waiting: [DONE],
    });
    expect(runs.length).toBeLessThan(20);
  });

  test("an event that no heartbeat takes is kept, warned of once with agent and reason, and tried now and then", async () => {
    let off = true;
    const { runs, queue, counts, warnings, follow } = release(() =>
      off ? { status: "skipped", reason: "disabled" } : { status: "ran" },
    );
    follow();
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(runs).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(55 * MINUTE);
    expect(warnings).toEqual([
      "no heartbeat of agent ops took 1 event(s) of one of its sessions (disabled); they stay in the session's queue",
    ]);
    expect(counts).toMatchObject({ "wake-unanswered": 1 });
    expect(runs.length).toBeLessThan(20);
    expect([...queue]).toEqual([DONE]);
    off = false;
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect([...queue]).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("later events of a session that already has an unanswered one are counted and warned of, too", async () => {
    const { queue, counts, warnings, follow } = release(() => ({ status: "skipped", reason: "disabled" }));
    for (const name of ["brave-fox", "red-owl", "calm-elk"]) {
      follow(`Exec completed (${name}, code 0)`);
      await vi.advanceTimersByTimeAsync(30 * MINUTE);
    }
    expect(counts).toMatchObject({ "wake-unanswered": 3 });
    expect(warnings.map((line) => /took \d event/.exec(line)?.[0])).toEqual([
      "took 1 event",
      "took 2 event",
      "took 3 event",
    ]);
    expect(queue.size).toBe(3);
  });

  test("a heartbeat that runs and takes nothing is run five times, and no more", async () => {
    const { runs, queue, warnings, follow } = release(() => {
      queueMicrotask(() => queue.add(DONE));
      return { status: "ran" };
    });
    follow();
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect({ runs: runs.length, warnings: warnings.length }).toEqual({ runs: 5, warnings: 1 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("an event that its heartbeats give back is tried five times, warned of and kept", async () => {
    const { runs, queue, warnings, follow } = release(() => {
      queueMicrotask(() => follow());
      return { status: "ran" };
    });
    follow();
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect({ runs: runs.length, warnings: warnings.length, waiting: [...queue] }).toEqual({
      runs: 5,
      warnings: 1,
      waiting: [DONE],
    });
    expect(vi.getTimerCount()).toBe(0);
    // A scheduled heartbeat of the release gives it back once more: nothing begins again.
    follow();
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect({ runs: runs.length, warnings: warnings.length }).toEqual({ runs: 5, warnings: 1 });
    follow("Exec completed (red-owl, code 0) :: tested");
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect({ runs: runs.length, waiting: [...queue] }).toEqual({ runs: 6, waiting: [DONE] });
  });

  test("a heartbeat that failed is run again after 2 and after 10 seconds, then each minute, five times", async () => {
    const { runs, follow } = release(() => ({ status: "failed", reason: "reply session initialization conflicted" }));
    follow();
    await vi.advanceTimersByTimeAsync(4_300);
    const seen = [runs.length];
    for (const ms of [2_000, 9_900, 200, 59_000, 1_100, MINUTE, MINUTE]) {
      await vi.advanceTimersByTimeAsync(ms);
      seen.push(runs.length);
    }
    expect(seen).toEqual([1, 2, 2, 3, 3, 4, 5, 5]);
  });

  test("a later event ends the pause after a failure, and both are seen", async () => {
    let off = true;
    const { runs, queue, follow } = release(() =>
      off ? { status: "skipped", reason: "disabled" } : { status: "ran" },
    );
    follow();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs).toHaveLength(1);
    off = false;
    follow("Exec completed (red-owl, code 0) :: tested");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(runs).toHaveLength(2);
    expect([...queue]).toEqual([]);
  });

  describe("whose session has been deleted", () => {
    const CHAT = { sessionKey: "agent:ops:web:a", agentId: "ops" };
    /** Follows an event of a session, or sends it there by name, and waits for longer than all tries take. */
    async function outcome(session: typeof CHAT, resolve: (key: unknown) => object, how: "follow" | "request") {
      const { heartbeats, queue, runs, counts, warnings } = release(undefined, {}, resolve);
      queue.add(DONE);
      heartbeats[how](session, new Map([[DONE, {}]]));
      await vi.advanceTimersByTimeAsync(60 * MINUTE);
      expect(vi.getTimerCount()).toBe(0);
      return { runs: runs.length, waiting: queue.size, counts, warnings };
    }
    const noEntry = (sessionKey: unknown): object => ({ sessionKey, entry: undefined });
    const SEEN = { runs: 1, waiting: 0, counts: {}, warnings: [] };

    test("an event of a session that was deleted meanwhile is kept, counted and warned of, and no heartbeat runs", async () => {
      expect(await outcome(CHAT, noEntry, "follow")).toEqual({
        runs: 0,
        waiting: 1,
        counts: { "wake-unanswered": 1 },
        warnings: [
          "no heartbeat of agent ops took 1 event(s) of one of its sessions (session deleted); they stay in the session's queue",
        ],
      });
    });

    test.each<[string, typeof CHAT, (key: unknown) => object, "follow" | "request"]>([
      ["an existing session", CHAT, (sessionKey) => ({ sessionKey, entry: { sessionId: "s1" } }), "follow"],
      ["a new session that a request names", CHAT, noEntry, "request"],
      ["a main session that nobody has used", OPS, noEntry, "follow"],
      ["a session whose entry the release does not show", CHAT, (sessionKey) => ({ sessionKey }), "follow"],
    ])("an event of %s gets its heartbeat", async (_, session, resolve, how) => {
      expect(await outcome(session, resolve, how)).toEqual(SEEN);
    });

    test("an event gets its heartbeat when the store cannot be read", async () => {
      const unreadable = (): object => {
        throw new Error("theirs");
      };
      expect(await outcome(CHAT, unreadable, "follow")).toEqual({ ...SEEN, counts: { error: 1 } });
    });
  });

  test("no more than 256 sessions are followed at a time", async () => {
    const { heartbeats, queue, warnings } = release(() => ({ status: "skipped", reason: "disabled" }));
    queue.add(DONE);
    for (let index = 0; index < 300; index += 1) {
      heartbeats.follow({ sessionKey: `agent:ops:s${index}`, agentId: "ops" }, new Map([[DONE, {}]]));
    }
    expect(vi.getTimerCount()).toBe(256);
    expect(warnings).toHaveLength(44);
  });
});
