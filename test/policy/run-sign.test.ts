/** What an event reports about its run. */
import { expect, test } from "vitest";
import { runSign } from "../../src/policy/run-sign.ts";

test.each([
  ["chat", { state: "delta" }, "running"],
  ["chat", { state: "final", message: { role: "assistant" } }, "answered"],
  ["chat", { state: "final" }, "answered-empty"],
  ["chat", { state: "final", message: null }, "answered-empty"],
  ["chat", { state: "error" }, "answered"],
  ["chat", { state: "aborted" }, "answered"],
  ["agent", { stream: "lifecycle", data: { phase: "start" } }, "begins"],
  ["agent", { stream: "lifecycle", data: { phase: "finishing" } }, "running"],
  ["agent", { stream: "lifecycle", data: { phase: "end" } }, "ends"],
  ["agent", { stream: "lifecycle", data: { phase: "error" } }, "ends"],
  ["agent", { stream: "lifecycle" }, "running"],
  ["agent", { stream: "tool", data: { phase: "end" } }, "running"],
  ["session.tool", { state: "final", stream: "lifecycle", data: { phase: "end" } }, "running"],
  ["chat", undefined, "running"],
  ["agent", 7, "running"],
])("an event %s with %j reports of its run: %s", (event, payload, sign) => {
  expect(runSign(event, payload)).toBe(sign);
});
