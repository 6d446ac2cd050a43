import { describe, expect, it } from "vitest";
import { prepareRunEventProjection, resolveTaskRunSessionTarget } from "./run-event-projection.js";
import type { GatewayWsClient } from "./server/ws-types.js";

const RUN = "agent:main:cron:job-1:run:run-1";
const REQUESTER = "agent:main:chat";
const NOBODY: ReadonlySet<string> = new Set();

const task = {
  action: "upserted",
  task: {
    id: "task-1",
    runtime: "cron",
    status: "completed",
    agentId: "main",
    sessionKey: "",
    childSessionKey: RUN,
    ownerKey: "",
    title: "read the mail",
    progressSummary: "reading",
    terminalSummary: "the mail says",
    error: "the mail broke",
    updatedAt: 2,
  },
};
const taskStatus = {
  action: "upserted",
  task: { id: "task-1", runtime: "cron", status: "completed", agentId: "main", updatedAt: 2 },
};
const finished = {
  jobId: "job-1",
  action: "finished",
  status: "ok",
  summary: "the mail says",
  sessionKey: RUN,
  job: { id: "job-1", agentId: "main", payload: { kind: "agentTurn", message: "read the mail" } },
};
const finishedStatus = { jobId: "job-1", action: "finished", status: "ok" };

function recipient(connId: string, caps: string[] = []): GatewayWsClient {
  return {
    connId,
    connect: { client: { id: "gateway-client" }, caps },
  } as unknown as GatewayWsClient;
}

const subscribers = (key: string) => ({
  sessionEventSubscribers: { getAll: () => new Set(["roster"]) },
  sessionMessageSubscribers: {
    get: (sessionKey: string): ReadonlySet<string> =>
      sessionKey === key ? new Set(["reader"]) : NOBODY,
  },
});

describe("prepareRunEventProjection", () => {
  it.each([
    ["task", task, taskStatus],
    ["cron", finished, finishedStatus],
  ])("shows the text of a %s event to the subscribers of its run", (event, payload, status) => {
    const project = prepareRunEventProjection(
      event,
      payload,
      { sessionKeys: [] },
      subscribers(RUN),
    );
    expect(project?.(recipient("reader"))).toBe(payload);
    expect(project?.(recipient("bystander"))).toEqual(status);
  });

  it("shows it to the subscribers of the session that it is routed to", () => {
    const scope = { sessionKeys: [REQUESTER], agentId: "main" };
    const project = prepareRunEventProjection("task", task, scope, subscribers(REQUESTER));
    expect(project?.(recipient("reader"))).toBe(task);
  });

  it("takes the agent's own global session for a run of scope global", () => {
    const payload = { ...task, task: { ...task.task, childSessionKey: "global", agentId: "ops" } };
    const project = prepareRunEventProjection(
      "task",
      payload,
      { sessionKeys: [] },
      subscribers("agent:ops:global"),
    );
    expect(project?.(recipient("reader"))).toBe(payload);
  });

  it("shows it to the broad subscription, unless the client is scoped", () => {
    const project = prepareRunEventProjection("task", task, { sessionKeys: [] }, subscribers(RUN));
    expect(project?.(recipient("roster"))).toBe(task);
    expect(project?.(recipient("roster", ["session-scoped-events"]))).toEqual(taskStatus);
    expect(project?.(recipient("reader", ["session-scoped-events"]))).toBe(task);
  });

  it("shows the job of a cron event without a session to the broad subscription only", () => {
    const added = { jobId: "job-1", action: "added", job: finished.job, nextRunAtMs: 9 };
    const project = prepareRunEventProjection("cron", added, { sessionKeys: [] }, subscribers(RUN));
    expect(project?.(recipient("reader"))).toEqual({
      jobId: "job-1",
      action: "added",
      nextRunAtMs: 9,
    });
    expect(project?.(recipient("roster"))).toBe(added);
  });

  it("has nothing to do for other events and for tasks that are named only", () => {
    const scope = { sessionKeys: [] };
    expect(prepareRunEventProjection("chat", task, scope, subscribers(RUN))).toBeUndefined();
    expect(
      prepareRunEventProjection("task", { action: "restored" }, scope, subscribers(RUN)),
    ).toBeUndefined();
    const deleted = { action: "deleted", taskId: "task-1" };
    expect(prepareRunEventProjection("task", deleted, scope, subscribers(RUN))).toBeUndefined();
  });
});

describe("resolveTaskRunSessionTarget", () => {
  it("names the session of the run and its agent", () => {
    expect(resolveTaskRunSessionTarget({ childSessionKey: RUN })).toEqual({
      sessionKey: RUN,
      agentId: "main",
    });
    expect(resolveTaskRunSessionTarget({ childSessionKey: "global", agentId: "ops" })).toEqual({
      sessionKey: "global",
      agentId: "ops",
    });
    expect(resolveTaskRunSessionTarget({ childSessionKey: " " })).toBeUndefined();
  });
});
