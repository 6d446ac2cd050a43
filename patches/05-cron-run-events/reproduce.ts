/** A command that a cron run leaves in the background ends after the run: who is told? */
import { type CronBed, followCronEvent, openCronBed } from "../../test/support/scene/cron-scene.ts";
import { scene } from "../lib/reproducer.ts";

const MAIN = "agent:main:main";

async function problem(bed: CronBed, prewake: boolean): Promise<string[]> {
  const { drainedFrom, waitingUnder, heartbeats } = await followCronEvent(bed, { prewake });
  const where = prewake ? "after a heartbeat ran" : "with no heartbeat before";
  if (drainedFrom.length === 0) return [`${where}: lost, it waits under ${waitingUnder.join(", ")}`];
  if (drainedFrom.some((key) => key !== MAIN))
    return [`${where}: taken by an orphan turn of ${drainedFrom.join(", ")}`];
  return heartbeats > 0 ? [] : [`${where}: taken, but the main session's model was not asked`];
}

export const reproducer = scene({
  bases: ["2026.5.7"],
  open: (release) => openCronBed({ release, isolated: false }),
  run: async (bed) => [...(await problem(bed, false)), ...(await problem(bed, true))],
});
