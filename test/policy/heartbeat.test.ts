import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { HeartbeatPolicy, type Wake } from "../../src/policy/heartbeat.ts";

const MAIN = { sessionKey: "agent:main:main", agentId: "main" };
const OTHER = { sessionKey: "agent:main:other", agentId: "main" };
const OPS = { sessionKey: "agent:ops:main", agentId: "ops" };
const GLOBAL = { sessionKey: "global", agentId: undefined };

const scheduled = (place = MAIN): Wake => ({ ...place, scheduled: true });
const event = (place = MAIN): Wake => ({ ...place, scheduled: false });

const SETTINGS = { quietMs: 10_000, maxDeferMs: 60_000, preempt: true };
const RUN = { act: "run", overdue: false };
const DEFER_RUN = { act: "defer", reason: "active-run", retryInMs: 1_000 };
/** @param retryInMs until the quiet time, or the longest deferral, is over */
const deferQuiet = (retryInMs: number): object => ({ act: "defer", reason: "quiet", retryInMs });
const OVERDUE = { act: "run", overdue: true };

let policy: HeartbeatPolicy;
beforeEach(() => {
  policy = new HeartbeatPolicy(SETTINGS);
});

describe("a scheduled wake", () => {
  test("a scheduled wake runs when nothing else runs", () => {
    expect(policy.decide(scheduled(), 0)).toEqual(RUN);
  });

  test("a scheduled wake waits for a run on its session, then for the quiet time", () => {
    policy.runActive("r", MAIN, 0);
    expect(policy.decide(scheduled(), 1)).toEqual(DEFER_RUN);
    policy.runEnded("r", 5_000);
    expect(policy.decide(scheduled(), 6_000)).toEqual(deferQuiet(9_000));
    expect(policy.decide(scheduled(), 14_999)).toEqual(deferQuiet(1));
    expect(policy.decide(scheduled(), 15_000)).toEqual(RUN);
  });

  test("a scheduled wake waits for a run on another session of its agent", () => {
    policy.runActive("r", OTHER, 0);
    expect(policy.decide(scheduled(), 1)).toEqual(DEFER_RUN);
    policy.runEnded("r", 1);
    expect(policy.decide(scheduled(), 2)).toEqual(deferQuiet(9_999));
  });

  test("a scheduled wake does not wait for another agent", () => {
    policy.runActive("r", OPS, 0);
    expect(policy.decide(scheduled(), 1)).toEqual(RUN);
    policy.runEnded("r", 1);
    expect(policy.decide(scheduled(), 2)).toEqual(RUN);
  });

  test("a scheduled wake of a session that names no agent waits for that session", () => {
    policy.runActive("r", GLOBAL, 0);
    expect(policy.decide({ ...GLOBAL, agentId: "main", scheduled: true }, 1)).toEqual(DEFER_RUN);
    expect(policy.decide({ ...GLOBAL, scheduled: true }, 1)).toEqual(DEFER_RUN);
    policy.runEnded("r", 1);
    expect(policy.decide({ ...GLOBAL, scheduled: true }, 2)).toEqual(deferQuiet(9_999));
  });
});

describe("an event's wake", () => {
  test("an event's wake waits for a run on its session and for no quiet time", () => {
    policy.runActive("r", MAIN, 0);
    expect(policy.decide(event(), 1)).toEqual(DEFER_RUN);
    policy.runEnded("r", 2);
    expect(policy.decide(event(), 2)).toEqual(RUN);
  });

  test("an event's wake does not wait for another session", () => {
    policy.runActive("r", OTHER, 0);
    expect(policy.decide(event(), 1)).toEqual(RUN);
  });
});

describe("a run", () => {
  test("a run counts until its own end, whatever others do", () => {
    policy.runActive("a", MAIN, 0);
    policy.runActive("b", MAIN, 0);
    policy.runEnded("a", 1);
    policy.runEnded("never began", 1);
    expect(policy.isActive(MAIN.sessionKey, 1)).toBe(true);
    policy.runEnded("b", 2);
    policy.runEnded("b", 3);
    expect(policy.isActive(MAIN.sessionKey, 3)).toBe(false);
    expect(policy.size.runs).toBe(0);
  });

  test("a run does not come back by a sign of life after its end", () => {
    policy.runActive("a", MAIN, 0);
    policy.runEnded("a", 1);
    policy.runSeen("a", 2);
    expect(policy.isActive(MAIN.sessionKey, 2)).toBe(false);
  });

  test("a run without a sign of life is forgotten after ten minutes", () => {
    policy.runActive("a", MAIN, 0);
    policy.runSeen("a", 300_000);
    expect(policy.isActive(MAIN.sessionKey, 900_000)).toBe(true);
    expect(policy.isActive(MAIN.sessionKey, 900_001)).toBe(false);
    expect(policy.size.runs).toBe(0);
  });
});

describe("the bound on deferring", () => {
  test("a wake runs when it has waited maxDeferMs, and the next one waits anew", () => {
    policy.runActive("r", MAIN, 0);
    expect(policy.decide(event(), 0)).toEqual(DEFER_RUN);
    expect(policy.decide(event(), 59_999)).toEqual({ ...DEFER_RUN, retryInMs: 1 });
    expect(policy.decide(event(), 60_000)).toEqual(OVERDUE);
    // The release's own busy answer is not a completion: the heartbeat is still overdue.
    expect(policy.decide(event(), 61_000)).toEqual(OVERDUE);
    policy.completed(event());
    expect(policy.decide(event(), 62_000)).toEqual(DEFER_RUN);
    expect(policy.size.deferrals).toBe(1);
  });

  test("the time before an abort counts toward maxDeferMs", () => {
    policy.preempted(event(), 0);
    policy.preempted(event(), 30_000);
    expect(policy.decide(event(), 59_999)).toEqual(RUN);
    expect(policy.decide(event(), 60_000)).toEqual(OVERDUE);
  });

  test("a wake that the release dropped does not make a later one overdue", () => {
    policy.runActive("r", MAIN, 0);
    expect(policy.decide(event(), 0)).toEqual(DEFER_RUN);
    policy.runSeen("r", 500_000);
    expect(policy.decide(event(), 500_000)).toEqual(DEFER_RUN);
  });

  test("wakes of different kinds, sessions and agents wait on clocks of their own", () => {
    for (const place of [MAIN, OPS]) policy.runActive(place.sessionKey, place, 0);
    expect(policy.decide(event(), 0)).toEqual(DEFER_RUN);
    expect(policy.decide(scheduled(), 59_000)).toEqual(DEFER_RUN);
    expect(policy.decide(event(OPS), 59_000)).toEqual(DEFER_RUN);
    expect(policy.decide(event(), 60_000)).toEqual(OVERDUE);
    expect(policy.decide(scheduled(), 60_000)).toEqual(DEFER_RUN);
    expect(policy.decide(event(OPS), 60_000)).toEqual(DEFER_RUN);
  });

  test("a wake that is tried again and again runs in time, whatever users do", () => {
    const step = fc.record({
      pass: fc.integer({ min: 100, max: 5_000 }),
      run: fc.constantFrom("begin", "end", "none"),
      on: fc.constantFrom(MAIN, OTHER, OPS),
      id: fc.constantFrom("a", "b", "c"),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), fc.boolean(), (steps, isScheduled) => {
        const model = new HeartbeatPolicy(SETTINGS);
        const wake: Wake = { ...MAIN, scheduled: isScheduled };
        let now = 0;
        let waitingSince: number | undefined;
        for (const { pass, run, on, id } of steps) {
          now += pass;
          if (run === "begin") model.runActive(id, on, now);
          if (run === "end") model.runEnded(id, now);
          const decision = model.decide(wake, now);
          if (decision.act === "defer") {
            waitingSince ??= now;
            expect(decision.retryInMs).toBeGreaterThan(0);
            expect(now + decision.retryInMs).toBeLessThanOrEqual(waitingSince + SETTINGS.maxDeferMs);
            expect(now - waitingSince).toBeLessThan(SETTINGS.maxDeferMs);
            expect(decision.reason === "quiet" && !isScheduled).toBe(false);
          } else {
            model.completed(wake);
            waitingSince = undefined;
          }
        }
      }),
    );
  });
});

test("the policy's memory of runs and deferrals stays bounded", () => {
  for (let i = 0; i < 6_000; i += 1) {
    const place = { sessionKey: `agent:a${i}:main`, agentId: `a${i}` };
    policy.runActive(`run ${i}`, place, 0);
    if (i >= 4_000) policy.decide(event(place), 0);
  }
  expect(policy.size.runs).toBeLessThanOrEqual(4_096);
  expect(policy.size.deferrals).toBeLessThanOrEqual(1_024);
});
