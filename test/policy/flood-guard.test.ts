import { expect, test } from "vitest";
import { FloodGuard } from "../../src/policy/flood-guard.ts";

test("an agent starts five heartbeats a minute freely, and the sixth waits for the first to be a minute old", () => {
  const guard = new FloodGuard();
  for (let at = 0; at < 5; at += 1) {
    expect(guard.waitMs("ops", at * 1_000)).toBe(0);
    guard.started("ops", at * 1_000);
  }
  expect(guard.waitMs("ops", 5_000)).toBe(55_001);
  expect(guard.waitMs("ops", 60_001)).toBe(0);
  guard.started("ops", 60_001);
  expect(guard.waitMs("ops", 60_002)).toBe(999);
});

test("each agent has a share of its own, and the oldest of many agents is forgotten", () => {
  const guard = new FloodGuard();
  for (let start = 0; start < 5; start += 1) guard.started("ops", 0);
  expect(guard.waitMs("main", 0)).toBe(0);
  for (let agent = 0; agent < 1_024; agent += 1) guard.started(`agent-${agent}`, 0);
  expect(guard.waitMs("ops", 0)).toBe(0);
});

test("a start that came to nothing does not count", () => {
  const guard = new FloodGuard();
  for (let at = 0; at < 5; at += 1) guard.started("ops", at);
  guard.cancelled("ops", 3);
  guard.cancelled("ops", 7);
  guard.cancelled("main", 3);
  expect(guard.waitMs("ops", 5)).toBe(0);
});
