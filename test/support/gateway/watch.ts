/** What tests of user interfaces share: waiting for what is shown, and where pictures of it go. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PATIENCE_MS } from "./patience.ts";

export const ARTIFACTS = fileURLToPath(new URL("../../../artifacts/", import.meta.url));

/** Waits until something is so; `what` is for the error. */
export async function until(done: () => Promise<boolean>, what: string, timeoutMs = PATIENCE_MS): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await done()); await sleep(100))
    if (Date.now() > deadline) throw new Error(`not in ${timeoutMs} ms: ${what}`);
}
