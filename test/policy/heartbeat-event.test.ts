import fc from "fast-check";
import { expect, test } from "vitest";
import { heartbeatStatus } from "../../src/policy/heartbeat-event.ts";

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
