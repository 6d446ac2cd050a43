import fc from "fast-check";
import { expect, test } from "vitest";
import { STATUS_EVENTS } from "../../src/policy/status-events.ts";

const heartbeatStatus = STATUS_EVENTS.get("heartbeat") as (payload: unknown) => Record<string, unknown>;

test("a heartbeat event for everybody keeps what an indicator needs and loses text and recipients", () => {
  const payload = {
    ts: 1,
    status: "sent",
    to: "+1555",
    accountId: "work",
    preview: "SECRET",
    message: "SECRET",
    durationMs: 5,
    hasMedia: false,
    silent: true,
    channel: "telegram",
    indicatorType: "alert",
    reason: "wake",
    sessionKey: "agent:main:main",
  };
  expect(heartbeatStatus(payload)).toEqual({
    ts: 1,
    status: "sent",
    durationMs: 5,
    hasMedia: false,
    silent: true,
    channel: "telegram",
    indicatorType: "alert",
    reason: "wake",
  });
});

test.each([
  ["failed", "quiet-hours", undefined],
  ["skipped", "quiet-hours", "quiet-hours"],
  ["skipped", "cron:5f1c", undefined],
  ["skipped", "Some text of somebody", undefined],
  ["skipped", 7, undefined],
])("a heartbeat event with status %s and reason %s keeps the reason %s", (status, reason, kept) => {
  expect(heartbeatStatus({ status, reason })["reason"]).toBe(kept);
});

test("a heartbeat event for everybody never has a preview or a recipient", () => {
  fc.assert(
    fc.property(fc.anything(), (payload) => {
      const status = heartbeatStatus(payload);
      expect(Object.keys(status)).not.toContain("preview");
      expect(Object.keys(status)).not.toContain("to");
      expect(Object.values(status).every((value) => typeof value !== "object")).toBe(true);
    }),
  );
});

const of = (event: string, payload: unknown): unknown => STATUS_EVENTS.get(event)!(payload);

test("a cron event for everybody says what happened to which job, and nothing of the job or its run", () => {
  const payload = {
    action: "finished",
    jobId: "j1",
    status: "ok",
    durationMs: 12,
    runAtMs: 1,
    nextRunAtMs: 2,
    summary: "SECRET",
    error: "SECRET",
    sessionKey: "agent:main:cron:j1",
    job: { name: "SECRET", payload: { message: "SECRET" } },
  };
  expect(of("cron", payload)).toEqual({
    action: "finished",
    jobId: "j1",
    status: "ok",
    durationMs: 12,
    runAtMs: 1,
    nextRunAtMs: 2,
  });
});

test("a task event for everybody says that the list has changed, or that a task is gone", () => {
  const task = { id: "t", title: "SECRET", terminalSummary: "SECRET", childSessionKey: "agent:main:cron:j" };
  expect(of("task", { action: "upserted", task })).toEqual({ action: "restored" });
  expect(of("task", { action: "deleted", taskId: "t", task })).toEqual({ action: "deleted", taskId: "t" });
});

test("health for everybody keeps agents and channels, and loses the rows of sessions", () => {
  const recent = [{ key: "agent:main:vault", updatedAt: 1 }];
  const payload = {
    ok: true,
    channels: { signal: { ok: true } },
    sessions: { count: 1, recent },
    agents: [{ recent }],
  };
  expect(of("health", payload)).toEqual({
    ok: true,
    channels: { signal: { ok: true } },
    sessions: { count: 1, recent: [] },
    agents: [{ recent: [] }],
  });
});

/** As the release composes it. */
const LINE = "Node: a (10.0.0.2) · app 2026.9.6 · last input 3s ago · mode ui · reason connect";

test("presence for everybody lists the connections, not the sessions that they watch or the events that they sent", () => {
  const presence = [
    { host: "a", text: LINE, reason: "connect", watchedSessions: ["agent:main:vault"] },
    { host: "b", text: "SECRET" },
    { host: "c", text: "Gateway: SECRET", reason: "SECRET, too" },
  ];
  expect(of("presence", { presence, more: "SECRET" })).toEqual({
    presence: [{ host: "a", text: LINE, reason: "connect" }, { host: "b" }, { host: "c" }],
  });
});

test("whatever a status event holds, what everybody gets of it holds no session key and no canary", () => {
  const secret = fc.constantFrom("agent:main:vault", "CANARY");
  const field = fc.constantFrom(
    "task",
    "job",
    "text",
    "portals",
    "title",
    "presence",
    "recent",
    "reason",
    "message",
    "key",
  );
  const tree = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      secret,
      fc.integer(),
      fc.dictionary(field, tie("any"), { maxKeys: 4 }),
      fc.array(tie("any"), { maxLength: 3 }),
    ),
  })).any;
  const closed = [...STATUS_EVENTS.keys()].filter((event) => event !== "health" && event !== "presence");
  fc.assert(
    fc.property(fc.constantFrom(...closed), fc.dictionary(field, tree), (event, payload) => {
      return !/agent:main:vault|CANARY/.test(JSON.stringify(of(event, payload)));
    }),
  );
  fc.assert(
    fc.property(fc.dictionary(field, tree), (payload) => {
      return !JSON.stringify(of("health", payload)).includes("agent:main:vault");
    }),
  );
});
