import { spawn } from "node:child_process";
import { expect, test } from "vitest";

test("a case ends", () => {
  expect(process.pid).toBeGreaterThan(1);
});

test("a case never ends and has started a process", { timeout: 0 }, async () => {
  const { pid } = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  console.log(`started ${pid}`);
  expect(pid).toBeGreaterThan(1);
  await new Promise(() => {});
});
