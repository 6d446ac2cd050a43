/** OpenClaw's own commands, each in a home of its own that leads to one gateway. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { descendantsOf, killAll } from "../support/gateway/process-tree.ts";
import { endOf, PROGRAM_MS } from "../support/within.ts";
import type { Endpoint } from "../support/wire/clients.ts";

export interface Home {
  readonly dir: string;
  /** Of every command that runs in it. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Makes a home whose configuration leads to a gateway; it is removed with the test.
 *
 * @param url of a network between them; by default the gateway's own
 */
export async function homeFor(gateway: Endpoint, url: string = gateway.url): Promise<Home> {
  const dir = await mkdtemp(join(tmpdir(), "openclaw-client-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  const config = {
    gateway: { mode: "remote", remote: { url, token: gateway.token } },
    update: { checkOnStart: false },
  };
  await writeFile(join(dir, "openclaw.json"), JSON.stringify(config));
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: dir,
    TMPDIR: tmpdir(),
    OPENCLAW_STATE_DIR: dir,
    OPENCLAW_CONFIG_PATH: join(dir, "openclaw.json"),
    OPENCLAW_GATEWAY_TOKEN: gateway.token,
    OPENCLAW_NO_RESPAWN: "1",
    OPENCLAW_HIDE_BANNER: "1",
    OPENCLAW_SUPPRESS_NOTES: "1",
    NO_COLOR: "1",
  };
  return { dir, env };
}

/** The command line of an openclaw command. */
export function openclaw(gateway: Endpoint, ...args: readonly string[]): [string, ...string[]] {
  return [process.execPath, gateway.release.entry, ...args];
}

export interface Program {
  readonly child: ChildProcess;
  /** What it has written so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Waits for its end. @returns its exit code */
  ended(timeoutMs?: number): Promise<number | null>;
}

/** Starts a program in a home. Its remaining processes are killed at the end of the test. */
export function start(home: Home, [command, ...args]: readonly [string, ...string[]]): Program {
  const child = spawn(command, args, { cwd: home.dir, env: home.env, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => end(child));
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (output.stdout += data.toString("utf8")));
  child.stderr.on("data", (data: Buffer) => (output.stderr += data.toString("utf8")));
  return {
    child,
    output: () => ({ ...output }),
    ended: async (timeoutMs = PROGRAM_MS) => (await endOf(child, timeoutMs)).code,
  };
}

/** Kills a program with all that it has started. */
export function end({ pid }: { readonly pid?: number | undefined | null }): void {
  if (typeof pid === "number") killAll([...descendantsOf(pid), pid]);
}
