/** What another program prints. */
import { execFileSync } from "node:child_process";

/**
 * @returns its stdout, trimmed
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
