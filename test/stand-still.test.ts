/** A run that stands still ends by itself, and says which case it was. */
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test, vi } from "vitest";

vi.setConfig({ testTimeout: 90_000 });

const ROOT = join(import.meta.dirname, "..");
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

/** Runs one fixture with a vitest of its own, whose run counts as still after 1.5 s. */
function run(fixture: string): Promise<{ code: unknown; output: string }> {
  const args = [VITEST, "run", "--config", "test/support/stand-still/fixture.config.ts", fixture];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd: ROOT, timeout: 80_000, env: { ...process.env, NO_COLOR: "1" } },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, output: `${stdout}${stderr}` }),
    );
  });
}

/** Whether a process runs; one that is dead and not yet reaped does not. */
function runs(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8", timeout: 10_000 });
  return /^[^Z\s]/.test(stdout);
}

test("a run whose case never ends exits with 1, names the case and ends the process that the case started", async () => {
  const { code, output } = await run("never-ends");
  expect(code).toBe(1);
  expect(output).toMatch(
    /stood still for \d+ s .*running:\n {2}test\/support\/stand-still\/never-ends\.fixture\.ts > a case never ends and has started a process \(for/,
  );
  expect(output).not.toMatch(/> a case ends \(for/);
  const pid = Number(/started (\d+)/.exec(output)![1]);
  await vi.waitFor(() => expect(runs(pid)).toBe(false));
});

test("a run whose case blocks its worker past the case's own timeout exits with 1 and names the case", async () => {
  const { code, output } = await run("blocks");
  expect(code).toBe(1);
  expect(output).toMatch(/blocks\.fixture\.ts > a case blocks its worker \(for/);
});

test("a run whose case is still within its own timeout goes on to its end", async () => {
  const { code, output } = await run("takes-its-time");
  expect({ code, still: output.includes("stood still") }).toEqual({ code: 0, still: false });
});
