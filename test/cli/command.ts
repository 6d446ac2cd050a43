/** Runs the installed command as a new user would: from PATH, in an empty home. */
import { spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, inject, onTestFinished } from "vitest";
import { endOf } from "../support/within.ts";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface How {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** What is written to its stdin. */
  readonly input?: string;
  readonly home?: string;
  /** Ends it with SIGINT once it has printed so many lines. */
  readonly endAfterLines?: number;
}

/** An empty folder for the length of the test. */
export function emptyFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "event-isolation-user-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** PATH with the Node of this process, the system's programs, and nothing of this repository. */
export const PLAIN_PATH = [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":");

/** The script behind the command. */
export function installedCli(): string {
  return join(inject("prefix"), "lib/node_modules/openclaw-event-isolation/dist/cli.js");
}

/** Runs `openclaw-event-isolation` with arguments; never throws. */
export async function command(args: readonly string[], how: How = {}): Promise<Ended> {
  const home = how.home ?? emptyFolder();
  const child = spawn(join(inject("prefix"), "bin/openclaw-event-isolation"), args, {
    cwd: how.cwd ?? home,
    env: { PATH: `${inject("prefix")}/bin:${PLAIN_PATH}`, HOME: home, ...how.env },
    stdio: "pipe",
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    if (how.endAfterLines !== undefined && stdout.split("\n").length > how.endAfterLines) child.kill("SIGINT");
  });
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on("error", () => {}); // it may not read its input
  child.stdin.end(how.input ?? "");
  const { code, signal } = await endOf(child);
  return { code, signal, stdout, stderr };
}

/** One line that begins with the command's name, no stack, and the exit code. */
export function expectFailure({ code, stdout, stderr }: Ended, exitCode: number, message: RegExp): void {
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^openclaw-event-isolation: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect(code).toBe(exitCode);
}
