/** Runs another program: becomes it, stands in front of it as if it were not there, or reads what it prints. */
import { execFileSync, spawn } from "node:child_process";

const FORWARDED: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/** Of a terminal's foreground group, every process gets these from the terminal itself. */
const BY_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGQUIT"]);

/**
 * Runs a Node program in place of this one: same process where the system can do that.
 *
 * @param node path of the Node
 * @returns only where it is a child process, once that has ended as {@link standInFor} says
 */
export async function become(node: string, args: readonly string[]): Promise<void> {
  const env = process.env as Record<string, string>;
  if (typeof process.execve === "function" && process.platform !== "win32") process.execve(node, [node, ...args], env);
  await standInFor(node, args);
}

/**
 * Starts a child with this process's stdio, passes signals on, and ends as it ends: sets
 * `process.exitCode`, or dies of the same signal.
 *
 * @throws {Error} if it cannot be started
 */
export async function standInFor(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: "inherit" });
  const forward = (signal: NodeJS.Signals): void => {
    if (!(process.stdin.isTTY && BY_TERMINAL.has(signal))) child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (exitCode, exitSignal) => resolve({ code: exitCode, signal: exitSignal }));
    },
  ).finally(() => {
    for (const each of FORWARDED) process.off(each, forward);
  });
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code ?? 0;
}

/**
 * @returns the stdout of a program that ends by itself, trimmed
 * @throws {Error} if it is not there, fails, or takes longer than 10 s
 */
export function outputOf(command: string, args: readonly string[]): string {
  return execFileSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 10_000,
    // npm is a script there.
    shell: process.platform === "win32",
  }).trim();
}
