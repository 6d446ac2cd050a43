import { describe, expect, it } from "vitest";
import { prepareHeartbeatEventProjection } from "./heartbeat-event-projection.js";

const SESSION = "agent:main:main";
const NOBODY: ReadonlySet<string> = new Set();
const subscribers = {
  get: (key: string): ReadonlySet<string> => (key === SESSION ? new Set(["reader"]) : NOBODY),
};
const alert = { ts: 1, status: "sent", preview: "the disk is full", durationMs: 5 };
const status = { ts: 1, status: "sent", durationMs: 5 };

describe("prepareHeartbeatEventProjection", () => {
  it("keeps the preview for subscribers of the heartbeat's session", () => {
    const project = prepareHeartbeatEventProjection("heartbeat", alert, [SESSION], subscribers);
    expect(project?.({ connId: "reader" })).toEqual(alert);
  });

  it("leaves the status, without a preview, to everybody else", () => {
    const project = prepareHeartbeatEventProjection("heartbeat", alert, [SESSION], subscribers);
    expect(project?.({ connId: "bystander" })).toEqual(status);
    expect(alert.preview).toBe("the disk is full");
  });

  it("shows nobody the preview of a heartbeat without a session", () => {
    const project = prepareHeartbeatEventProjection("heartbeat", alert, [], subscribers);
    expect(project?.({ connId: "reader" })).toEqual(status);
    const unregistered = prepareHeartbeatEventProjection("heartbeat", alert, [SESSION], undefined);
    expect(unregistered?.({ connId: "reader" })).toEqual(status);
  });

  it("has nothing to do for heartbeats without a preview and for other events", () => {
    expect(
      prepareHeartbeatEventProjection("heartbeat", status, [SESSION], subscribers),
    ).toBeUndefined();
    expect(
      prepareHeartbeatEventProjection("heartbeat", undefined, [], subscribers),
    ).toBeUndefined();
    expect(prepareHeartbeatEventProjection("chat", alert, [SESSION], subscribers)).toBeUndefined();
  });
});
