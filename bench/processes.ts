/** Processes that the benchmark has started: all of them end with it, whatever happens. */
import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { descendantsOf, killAll, killTree } from "../test/support/gateway/process-tree.ts";

const STOP_TIMEOUT_MS = 10_000;
/** Of Linux, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/**
 * For measured processes: Node strips the types itself, as tsx would add to the code that is measured. The space for new
 * objects keeps its full size: it shrinks while a process waits for its turn, as no gateway with traffic does.
 */
const EXEC_ARGV = [
  "--expose-gc",
  "--disable-warning=ExperimentalWarning",
  "--no-memory-reducer",
  "--min-semi-space-size=16",
  "--max-semi-space-size=16",
];

const living = new Set<number>();

process.on("exit", () => {
  for (const pid of living) killTree(pid);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(2));

export function track(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  living.add(pid);
  child.once("exit", () => living.delete(pid));
}

/** SIGTERM, then SIGKILL for it and what it has started. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const descendants = descendantsOf(pid);
  child.kill("SIGTERM");
  const timer = setTimeout(() => killTree(pid), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
  killAll(descendants);
}

/** CPU time of a process so far, all threads, without its children. Resolution 10 ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, in brackets, may hold blanks; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** A process of its own that measures, in a home of its own. */
export type MeasuredProcess = AsyncDisposable & {
  send(message: object): void;
  /** Its next message; rejects if it ends before. */
  next(): Promise<unknown>;
};

/** Starts it. */
export async function measuredProcess(script: URL, args: readonly string[]): Promise<MeasuredProcess> {
  const home = await mkdtemp(join(tmpdir(), "event-isolation-bench-"));
  const child = fork(fileURLToPath(script), args, {
    execArgv: EXEC_ARGV,
    env: { PATH: process.env["PATH"], TZ: "UTC", HOME: home, OPENCLAW_STATE_DIR: home, NO_COLOR: "1" },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  track(child);
  return {
    send: (message) => void child.send(message),
    next: () => nextMessage(child, `${basename(script.pathname)} ${args[0] ?? ""}`),
    [Symbol.asyncDispose]: async () => {
      await stopProcess(child);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function nextMessage(child: ChildProcess, name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off("exit", onExit);
      resolve(message);
    };
    const onExit = (code: number | null): void => {
      child.off("message", onMessage);
      reject(new Error(`the process of "${name}" ended with code ${code}`));
    };
    child.once("message", onMessage);
    child.once("exit", onExit);
  });
}
