import { beforeEach, describe, expect, test } from "vitest";
import { HeartbeatGuard } from "../../src/heartbeats/guard.ts";

let guard: HeartbeatGuard;
let functions: Record<string, ((...args: unknown[]) => unknown)[]>;
let said: string[];

beforeEach(() => {
  said = [];
  functions = {};
  guard = new HeartbeatGuard({
    functions: (name) => functions[name] ?? [],
    replaced: (name) => functions[name] ?? [],
    config: () => ({}),
    mayAbort: () => true,
    failed: () => {},
    info: (message) => said.push(message),
  });
});

describe("the line at start", () => {
  test("the line at start names the agents whose heartbeats are on, and how to turn them off", () => {
    functions["resolveHeartbeatAgents"] = [() => [{ agentId: "main" }, { agentId: "ops" }, { agentId: "off" }]];
    const intervals = [1_800_000, 45_000, null];
    functions["resolveHeartbeatIntervalMs"] = [() => intervals.shift()];
    guard.started();
    expect(said).toEqual([
      'heartbeats: main every 30 min, ops every 0.75 min (agents.defaults.heartbeat.every: "0" turns them off)',
    ]);
  });

  test("the line at start says that there are no heartbeats, and is missing where the release does not tell", () => {
    guard.started();
    expect(said).toEqual([]);
    functions["resolveHeartbeatAgents"] = [() => []];
    functions["resolveHeartbeatIntervalMs"] = [() => null];
    guard.started();
    expect(said[0]).toContain("heartbeats: none");
  });
});
