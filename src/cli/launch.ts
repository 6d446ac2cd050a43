/** Runs another program: by replacing this process, by forwarding to a child transparently, or to read its output. */
import { execFileSync, spawn } from "node:child_process";

const FORWARDED: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/** Every process of a terminal's foreground group gets these from the terminal itself. */
const BY_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGQUIT"]);

/**
 * Runs a Node program instead of this one: in the same process if the system supports that.
 *
 * @param node path of the Node
 * @returns only if it runs as a child process, after that has ended as described at {@link standInFor}
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
 * @throws {Error} if it is missing, fails, or takes longer than 10 s
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
