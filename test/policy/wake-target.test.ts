import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalizeWakeSessionKey, given, type WakeConfig } from "../../src/policy/wake-target.ts";

const CONFIG: WakeConfig = { agentIds: ["main", "Ops", "Ops Team", "dev"], defaultAgentId: "main" };

test("null and an empty text name neither a session nor an agent, and anything else does", () => {
  expect([undefined, null, ""].map(given)).toEqual([undefined, undefined, undefined]);
  expect([" ", " x ", 0, false, []].map(given)).toEqual([" ", " x ", 0, false, []]);
});

describe("the session of a targeted wake", () => {
  test.each<[string | undefined, string | undefined, Partial<WakeConfig>, string, string]>([
    // An agent alone: its main session.
    [undefined, "ops", {}, "agent:ops:main", "ops"],
    [undefined, " OPS ", { mainKey: "primary" }, "agent:ops:main", "ops"],
    [undefined, "ops", { scope: "global" }, "global", "ops"],
    ["agent:main:other", undefined, {}, "agent:main:other", "main"],
    [" Agent:OPS:Main ", undefined, {}, "agent:ops:main", "ops"],
    ["agent:ops:main", "OPS", {}, "agent:ops:main", "ops"],
    // An id as the configuration writes it, in any letter case, and as the gateway names the agent.
    [undefined, "Ops Team", {}, "agent:ops-team:main", "ops-team"],
    [undefined, " OPS TEAM ", {}, "agent:ops-team:main", "ops-team"],
    [undefined, "ops-team", {}, "agent:ops-team:main", "ops-team"],
    ["agent:Ops Team:main", undefined, {}, "agent:ops-team:main", "ops-team"],
    ["agent:Ops Team:chat", "ops-team", {}, "agent:ops-team:chat", "ops-team"],
    ["agent:ops-team:chat", "Ops Team", {}, "agent:ops-team:chat", "ops-team"],
    ["agent:ops team:cron:job:run:1", undefined, {}, "agent:ops-team:main", "ops-team"],
    ["other", undefined, {}, "agent:main:other", "main"],
    ["other", "ops", {}, "agent:ops:other", "ops"],
    ["main", undefined, { defaultAgentId: "ops" }, "agent:ops:main", "ops"],
    ["agent:ops:main", undefined, { scope: "global" }, "global", "ops"],
    ["global", undefined, { scope: "global" }, "global", "main"],
    ["agent:ops:cron:job:run:1", undefined, {}, "agent:ops:main", "ops"],
    ["agent:ops:cron:job:run:1", undefined, { scope: "global" }, "global", "ops"],
    ["telegram:dm:42", undefined, { scope: "global" }, "agent:main:telegram:dm:42", "main"],
  ])("a wake for %j with agent %j and %j goes to %j", (sessionKey, agentId, config, canonical, owner) => {
    const target = canonicalizeWakeSessionKey(
      { ...(sessionKey === undefined ? {} : { sessionKey }), ...(agentId === undefined ? {} : { agentId }) },
      { ...CONFIG, ...config },
    );
    expect(target).toEqual({ ok: true, sessionKey: canonical, agentId: owner });
  });

  test.each([
    ["agent:ops", undefined, /malformed session key "agent:ops"/],
    ["agent:", undefined, /malformed/],
    ["agent", undefined, /malformed/],
    ["agent::main", undefined, /malformed/],
    ["agent:nope:main", undefined, /Unknown agent id "nope"/],
    ["agent:ops!:main", undefined, /Unknown agent id "ops!"/],
    // The gateway would turn such an id into that of a configured agent.
    [undefined, "ops/team", /Unknown agent id "ops\/team"/],
    [undefined, "dev:x", /Unknown agent id "dev:x"/],
    ["agent:ops  team:main", undefined, /Unknown agent id "ops {2}team"/],
    ["agent:Ops Team:main", "ops", /"ops" contradicts the agent "ops team"/],
    ["agent:nope:main", "ghost", /"ghost" contradicts the agent "nope"/],
    ["other", "nope", /Unknown agent id "nope"/],
    ["agent:ops:main", "main", /"main" contradicts the agent "ops"/],
    ["agent:ops:main", " ", /agentId must be/],
    ["agent:ops:main", 7, /agentId must be/],
    ["agent:main:subagent:7", undefined, /cannot be that of a subagent/],
    ["Subagent:7", undefined, /cannot be that of a subagent/],
    ["  ", undefined, /sessionKey must be/],
    [undefined, undefined, /sessionKey must be/],
    [undefined, "nope", /Unknown agent id "nope"/],
    [undefined, " ", /agentId must be/],
    [undefined, null, /agentId must be/],
    [{}, undefined, /sessionKey must be/],
    ["agent:main:a\nb", undefined, /sessionKey must be/],
  ])("a wake for %j with agent %j is refused with the reason", (sessionKey, agentId, message) => {
    const target = canonicalizeWakeSessionKey({ sessionKey, agentId }, CONFIG);
    expect(target).toEqual({ ok: false, error: { code: "INVALID_REQUEST", message: expect.stringMatching(message) } });
  });

  test("a wake's session is the same when asked for again, and nothing makes it throw", () => {
    const key = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `agent:ops:${rest}`),
      fc.anything(),
    );
    const scope = fc.constantFrom<WakeConfig["scope"]>("per-sender", "global");
    fc.assert(
      fc.property(key, scope, (sessionKey, how) => {
        const config = { ...CONFIG, scope: how! };
        const once = canonicalizeWakeSessionKey({ sessionKey }, config);
        const again = once.ok ? canonicalizeWakeSessionKey({ sessionKey: once.sessionKey }, config) : once;
        expect({ ...again, agentId: "" }).toEqual({ ...once, agentId: "" });
      }),
      { numRuns: 3_000 },
    );
  });
});
