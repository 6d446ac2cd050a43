import { afterEach, describe, expect, it } from "vitest";
import { peekSystemEvents, resetSystemEventsForTest } from "../infra/system-events.js";
import { queueTaskSystemEvent } from "./task-notification-routing.js";

type Task = Parameters<typeof queueTaskSystemEvent>[0];

const queue = (sessionKey: string) =>
  queueTaskSystemEvent({ taskId: "t1" } as Task, "the export is done", {
    sessionKey,
    agentId: "main",
  });

describe("queueTaskSystemEvent", () => {
  afterEach(() => resetSystemEventsForTest());

  it("queues the event of a cron run's task where the agent's main session sees it", () => {
    const runKey = "agent:main:cron:nightly:run:abc-123";
    expect(queue(runKey)).toBe(true);
    expect(peekSystemEvents("agent:main:main")).toEqual(["the export is done"]);
    expect(peekSystemEvents(runKey)).toEqual([]);
  });

  it("leaves the tasks of other sessions with them", () => {
    expect(queue("agent:main:telegram:direct:42")).toBe(true);
    expect(peekSystemEvents("agent:main:telegram:direct:42")).toEqual(["the export is done"]);
    expect(peekSystemEvents("agent:main:main")).toEqual([]);
  });
});
