/** The first run on a release that stages what its plugins need: later gateways find it there. */
import { openBed } from "../../test/support/gateway/bed.ts";
import type { Release } from "../../test/support/gateway/release.ts";

/** Staging takes minutes. */
const STAGED_MS = 300_000;

/** Boots a gateway and has it answer once. A failure shows up again in what is measured next. */
export async function firstRun(release: Release): Promise<void> {
  try {
    const bed = await openBed(release);
    try {
      const client = await bed.connect({ scopes: ["operator.read", "operator.write"] });
      const { runId } = await client.chat("agent:main:main", "[[say id=FIRST n=2 delay=25]]");
      await client.final(runId, STAGED_MS);
    } finally {
      await bed.close();
    }
  } catch {
    // What could be staged is.
  }
}
