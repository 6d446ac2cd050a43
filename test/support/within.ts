/** Bounds for waits: a case that waits for something that never comes fails, and does not hang. */
import type { ChildProcess } from "node:child_process";
import type { AddressInfo } from "node:net";
import { PATIENCE_MS } from "./gateway/patience.ts";

/** What a program may take that a test starts, in milliseconds. */
export const PROGRAM_MS = 120_000;

/** Waits for a promise, `timeoutMs` at most; `what` did not happen is in the error. */
export async function within<T>(promise: Promise<T>, what: string, timeoutMs = PATIENCE_MS): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not in ${timeoutMs} ms: ${what}`)), timeoutMs);
  return Promise.race([promise, over]).finally(() => clearTimeout(timer));
}

/** Waits until a program has ended and all of its output has come; one that does not end in time is killed. */
export async function endOf(child: ChildProcess, timeoutMs = PROGRAM_MS): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  child.once("error", reject);
  child.once("close", (code, signal) => resolve({ code, signal }));
  return within(promise, `the end of ${child.spawnargs.join(" ")}`, timeoutMs).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A server of Node, of HTTP or of `ws`. */
interface Closable {
  close(done: () => void): unknown;
}

interface Listens {
  once(event: "error", failed: (error: Error) => void): unknown;
  listen(port: number, host: string, done: () => void): unknown;
  address(): AddressInfo | string | null;
}

/** Has a server listen on a free port of loopback. @returns the port */
export async function listen(server: Listens): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", resolve);
  await within(promise, "a server listens");
  return (server.address() as AddressInfo).port;
}

/** Closes a server whose connections the caller has ended. */
export function closed(server: Closable): Promise<void> {
  return within(new Promise((resolve) => void server.close(() => resolve())), "a server is closed", 10_000);
}
