/** Ends processes with all that they started. */
import { spawnSync } from "node:child_process";

/** Pids of all descendants of a process, parents first. */
export function descendantsOf(pid: number): number[] {
  const listed = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8", timeout: 10_000 }).stdout ?? "";
  const rows = listed
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) {
    for (const [child = 0, of] of rows) if (of === parent) found.push(child);
  }
  return found.slice(1);
}

/** SIGKILLs pids that may be gone already. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone before us.
    }
  }
}

/** SIGKILLs a process and its descendants. */
export function killTree(pid: number): void {
  killAll([pid, ...descendantsOf(pid)]);
}
