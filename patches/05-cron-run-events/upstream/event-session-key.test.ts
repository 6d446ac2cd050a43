import { describe, expect, it } from "vitest";
import { resolveEventSessionKey, resolveEventWakeOptions } from "./event-session-key.js";

const RUN = "agent:research:cron:nightly-backup:run:abc-123";
const CHANNEL = "agent:research:telegram:dm:42";

describe("resolveEventSessionKey", () => {
  it.each([
    ["the agent's main session", {}, "agent:research:main"],
    ["its configured main key", { mainKey: "primary" }, "agent:research:primary"],
    ["the global session", { scope: "global" }, "global"],
  ])("maps a cron run to %s", (_, session, expected) => {
    expect(resolveEventSessionKey(RUN, session)).toBe(expected);
    expect(resolveEventSessionKey(expected, session)).toBe(expected);
  });

  it.each([CHANNEL, "agent:research:main", "agent:research:cron:nightly-backup", "global", "main"])(
    "leaves %s alone",
    (sessionKey) => {
      expect(resolveEventSessionKey(sessionKey, {})).toBe(sessionKey);
      expect(resolveEventSessionKey(sessionKey, { scope: "global" })).toBe(sessionKey);
    },
  );
});

describe("resolveEventWakeOptions", () => {
  const wake = { reason: "exec-event", intent: "event" };

  it("wakes the session that has the event, at once", () => {
    expect(resolveEventWakeOptions(RUN, wake, {})).toEqual({
      reason: "exec-event",
      intent: "immediate",
      sessionKey: "agent:research:main",
    });
  });

  it("names the agent and no session under the global scope", () => {
    expect(resolveEventWakeOptions(RUN, wake, { scope: "global" })).toEqual({
      reason: "exec-event",
      intent: "immediate",
      agentId: "research",
    });
  });

  it("adds the session of every other event, and nothing to a key without an agent", () => {
    expect(resolveEventWakeOptions(CHANNEL, wake, {})).toEqual({ ...wake, sessionKey: CHANNEL });
    expect(resolveEventWakeOptions("node-7", wake, {})).toEqual(wake);
  });

  it("invents no intent", () => {
    expect(resolveEventWakeOptions(RUN, { reason: "exec-event" }, {})).toEqual({
      reason: "exec-event",
      sessionKey: "agent:research:main",
    });
  });
});
