import { spawn } from "node:child_process";
import { test } from "vitest";

test("a case ends", () => {});

test("a case never ends and has started a process", { timeout: 0 }, async () => {
  const { pid } = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  console.log(`started ${pid}`);
  await new Promise(() => {});
});
