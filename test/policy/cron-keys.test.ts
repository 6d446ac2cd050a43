import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  agentIdOf,
  isCronJobSessionKey,
  isCronRunSessionKey,
  isExecCompletionEvent,
  isHeartbeatAck,
  resolveEventSessionKey,
  scopedHeartbeatWakeOptions,
  type SessionScope,
} from "../../src/policy/cron-keys.ts";
import { parseAgentSessionKey } from "../../src/policy/session-key.ts";

const RUN = "agent:research:cron:nightly-backup:run:abc-123";
const CHANNEL = "agent:research:telegram:dm:42";

describe("the table of upstream PRs #50818 and #80214", () => {
  test.each<[string, string | undefined, SessionScope | undefined, string, object]>([
    [RUN, undefined, undefined, "agent:research:main", { sessionKey: "agent:research:main" }],
    [RUN, "primary", undefined, "agent:research:primary", { sessionKey: "agent:research:primary" }],
    [RUN, undefined, "global", "global", { agentId: "research" }],
    [CHANNEL, undefined, undefined, CHANNEL, { sessionKey: CHANNEL }],
  ])(
    "key %s with mainKey %s and scope %s is mapped to %s, as in the upstream PRs",
    (key, mainKey, scope, eventKey, wake) => {
      expect(resolveEventSessionKey(key, mainKey, scope)).toBe(eventKey);
      const options = { reason: "exec-event" };
      expect(scopedHeartbeatWakeOptions(key, options, mainKey, scope)).toEqual({ reason: "exec-event", ...wake });
      expect(options).toEqual({ reason: "exec-event" });
    },
  );
});

describe("isCronRunSessionKey", () => {
  test.each([
    RUN,
    "agent:main:cron:job", // 2026.2
    "agent:main:cron:job:run:1:thread:2",
    "agent:main:cron:job:run:1:subagent:x",
    "AGENT:Main:CRON:Job:RUN:1",
    " agent:main:cron:job:run:1 ",
    "agent:Ünï/köde:cron:job:run:1",
  ])("%j is the key of a cron run", (key) => expect(isCronRunSessionKey(key)).toBe(true));

  test.each([
    "agent:main:main",
    "agent:main:cron",
    "agent:main:cron:",
    "agent:main:cron::run:1",
    "agent:main:cron:job:run:",
    "agent:main:cron:job:other",
    "agent:main:cronjob:x:run:1",
    "agent:main:telegram:cron:job:run:1",
    "agent: :cron:job:run:1",
    "cron:job:run:1",
    "global",
    "",
    undefined,
    null,
    7,
    {},
  ])("%j is not the key of a cron run", (key) => expect(isCronRunSessionKey(key)).toBe(false));

  test("the key of a cron job without a run is told from that of a run", () => {
    expect(isCronJobSessionKey("agent:main:cron:job")).toBe(true);
    expect(isCronJobSessionKey(RUN)).toBe(false);
    expect(isCronJobSessionKey(undefined)).toBe(false);
  });
});

test("agent ids are written as upstream writes them", () => {
  expect(["Research", "my agent!", "--x--", "日本", "a".repeat(80), " B_1 ", "\u212a-", "_-"].map(agentIdOf)).toEqual([
    "research",
    "my-agent",
    "x",
    "main",
    "a".repeat(64),
    "b_1",
    // The Kelvin sign is not an ASCII letter, so the dash goes; in lower case it is one.
    "k",
    "_",
  ]);
  expect(resolveEventSessionKey("agent:My Agent:cron:j:run:1")).toBe("agent:my-agent:main");
});

test("a wake loses its own session key under scope global and gets another under other scopes", () => {
  const wake = { intent: "event", sessionKey: RUN };
  expect(scopedHeartbeatWakeOptions(RUN, wake, undefined, "global")).toEqual({ intent: "event", agentId: "research" });
  expect(scopedHeartbeatWakeOptions(RUN, wake)).toEqual({ intent: "event", sessionKey: "agent:research:main" });
  expect(scopedHeartbeatWakeOptions("global", wake)).toBe(wake);
});

describe("isExecCompletionEvent", () => {
  test.each([
    "Exec finished (gateway id=1, session=x, code 0)\nout",
    "Exec finished: ok",
    "exec FINISHED(x)",
    "Exec completed (tidy-fox, code 0) :: hello",
    "Exec completed (1a2b3c4d, code 0)",
    "Exec failed (tidy-fox, code -1) :: x\ny",
    "EXEC FAILED (tidy-fox, signal SIGKILL)",
    "  \n Exec completed (a_b, code 2)",
  ])("%j is an exec completion event", (text) => expect(isExecCompletionEvent(text)).toBe(true));

  test.each([
    "Exec started (node=1)",
    "Exec denied (gateway id=1)",
    "Exec finishedly",
    "Exec completed",
    "Exec completed (tidy fox, code 0)",
    "Exec completed (tidy-fox, code x)",
    "Exec completed (tidy-fox, code 0) and more",
    "Exec completed (tidy-fox, code 0) ::",
    "Exec completed (tidy-fox, signal )",
    "Exec completed(tidy-fox, code 0)",
    "Exec  completed (tidy-fox, code 0)",
    `Exec completed (${"x".repeat(65)}, code 0)`,
    "Exec",
    "The exec completed (tidy-fox, code 0)",
    "please exec: finished",
    "",
  ])("%j is not an exec completion event", (text) => expect(isExecCompletionEvent(text)).toBe(false));
});

test("a heartbeat's acknowledgement is told from a reply with something to say", () => {
  expect(["HEARTBEAT_OK", "**HEARTBEAT_OK**", " HEARTBEAT_OK.\n"].map(isHeartbeatAck)).toEqual([true, true, true]);
  const others = ["", "OK", "HEARTBEAT_OK the disk is full", "Disk full. HEARTBEAT_OK", "heartbeat_ok", undefined, 7];
  expect(others.map(isHeartbeatAck)).toEqual(others.map(() => false));
});

describe("properties of cron keys", () => {
  const part = fc.oneof(
    fc.constantFrom("main", "cron", "run", "job", "telegram", "AGENT", "", " ", "agent", "Ä", "global"),
    fc.string({ maxLength: 12 }),
  );
  const anyKey = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 8 }).map((parts) => ["agent", ...parts].join(":")),
    fc.tuple(part, part, part).map(([agent, job, run]) => `agent:${agent}:cron:${job}:run:${run}`),
    fc.tuple(part, part).map(([agent, job]) => `Agent:${agent}:cron:${job}`),
  );
  const mainKey = fc.option(part, { nil: undefined });
  const scope = fc.constantFrom<SessionScope | undefined>(undefined, "per-sender", "global");

  test("remapping is total, idempotent, and the identity on all keys that are not a cron run's", () => {
    fc.assert(
      fc.property(anyKey, mainKey, scope, (key, main, how) => {
        const once = resolveEventSessionKey(key, main, how);
        expect(resolveEventSessionKey(once, main, how)).toBe(once);
        expect(isCronRunSessionKey(key) ? once === "global" || once.startsWith("agent:") : once === key).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  test("a wake goes to the session of its event", () => {
    fc.assert(
      fc.property(anyKey, mainKey, scope, (key, main, how) => {
        const wake = scopedHeartbeatWakeOptions(key, { reason: "r" }, main, how);
        const run = isCronRunSessionKey(key);
        expect(Object.hasOwn(wake, "agentId")).toBe(run && how === "global");
        const target = resolveEventSessionKey(key, main, how);
        expect([undefined, target]).toContain(wake.sessionKey);
        expect(wake.sessionKey === undefined).toBe(!parseAgentSessionKey(key) || (run && how === "global"));
      }),
      { numRuns: 5_000 },
    );
  });

  test("no value makes the functions throw", () => {
    fc.assert(
      fc
        .property(fc.anything(), (value) => {
          const key = value as string;
          expect(resolveEventSessionKey(key)).toBe(key);
          expect(scopedHeartbeatWakeOptions(key, {})).toEqual({});
          isExecCompletionEvent(key);
        })
        .beforeEach(() => undefined),
      { examples: [[undefined], [null], [{}]] },
    );
  });
});
