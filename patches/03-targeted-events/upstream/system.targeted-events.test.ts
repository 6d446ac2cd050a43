import { afterEach, describe, expect, it } from "vitest";
import { peekSystemEvents, resetSystemEventsForTest } from "../../infra/system-events.js";
import { systemHandlers } from "./system.js";

type Handler = (typeof systemHandlers)[string];

async function send(params: Record<string, unknown>) {
  const answers: unknown[][] = [];
  const context = {
    getRuntimeConfig: () => ({ agents: { list: [{ id: "main", default: true }] } }),
    broadcast: () => {},
    incrementPresenceVersion: () => 1,
    getHealthVersion: () => 1,
  };
  const respond = (...answer: unknown[]) => void answers.push(answer);
  await systemHandlers["system-event"]!({
    params,
    respond,
    context,
  } as unknown as Parameters<Handler>[0]);
  return answers;
}

describe("system-event with a session key", () => {
  afterEach(() => resetSystemEventsForTest());

  it("refuses an agent that is not configured, woken or not", async () => {
    const answers = await send({ text: "hello", sessionKey: "agent:nobody:main" });
    expect(answers).toEqual([
      [
        false,
        undefined,
        expect.objectContaining({ message: expect.stringContaining('Unknown agent id "nobody"') }),
      ],
    ]);
    expect(peekSystemEvents("agent:nobody:main")).toEqual([]);
  });

  it("queues under the main session what names a cron run", async () => {
    const runKey = "agent:main:cron:nightly:run:abc-123";
    expect(await send({ text: "exported", sessionKey: runKey, wake: false })).toEqual([
      [true, { ok: true }, undefined],
    ]);
    expect(peekSystemEvents("agent:main:main")).toEqual(["exported"]);
    expect(peekSystemEvents(runKey)).toEqual([]);
  });

  it("accepts an event for a session that does not exist yet", async () => {
    const sessionKey = "agent:main:later";
    expect(await send({ text: "welcome", sessionKey })).toEqual([[true, { ok: true }, undefined]]);
    expect(peekSystemEvents(sessionKey)).toEqual(["welcome"]);
  });
});
