/** Stops a run on the gateway, within a grace period. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "./connection.ts";
import { ClientError } from "./errors.ts";

interface AbortTask {
  readonly connection: Connection;
  readonly graceMs: number;
  /** Resolves when the run's stream has ended by itself. */
  readonly over: Promise<void>;
  isOver(): boolean;
  target(): { readonly sessionKey: string; readonly runId: string };
}

const RETRY_MS = 250;
/** How long the last frame of an aborted run, which brings its text up to date, is waited for. */
const LAST_FRAME_MS = 500;

/**
 * Asks the gateway to abort, until it has, it refuses, or time is up.
 *
 * @returns `aborted`; `refused`: newer releases let only the connection or device that started a run, or an admin, abort
 *   it; `unheard`: the gateway did not answer, or did not know the run
 */
export async function abortOnGateway(task: AbortTask): Promise<"aborted" | "refused" | "unheard"> {
  const { connection, over } = task;
  const until = Date.now() + task.graceMs;
  const left = (): number => Math.max(1, until - Date.now());
  while (!task.isOver() && Date.now() < until) {
    const answer = await connection
      .request("chat.abort", task.target(), { timeoutMs: left() })
      .catch((error: unknown) => error);
    if (answer instanceof ClientError) {
      if (answer.kind === "refused") return "refused";
      if (!(await connection.whenUp(left()))) break;
    } else if ((answer as { aborted?: unknown })["aborted"] === true) {
      await Promise.race([over, sleep(Math.min(LAST_FRAME_MS, left()))]);
      return "aborted";
    } else {
      // Not known there, or not yet: its final may be on its way.
      await Promise.race([over, sleep(Math.min(RETRY_MS, left()))]);
    }
  }
  return "unheard";
}
