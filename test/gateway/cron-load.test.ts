/** Many commands of many cron runs end at about the same time, while heartbeats run. */
import { expect, inject, onTestFinished, test } from "vitest";
import { openCronBed, runCronJob, until } from "../support/scene/cron-scene.ts";
import { wasSeen } from "../support/scene/wake-scene.ts";

/** Half a minute where nothing remaps by itself; newer releases take minutes, for their flood guards. */
const RELEASE = process.env["OPENCLAW_TEST_LOAD"] ?? "2026.2.9";

const RUNS = 10;
const COMMANDS = 10;
const ENOUGH_MS = 200_000;

test.runIf(inject("isolated").release.version === RELEASE)(
  "a heartbeat sees a hundred ends of commands of ten cron runs, or they are counted and warned of",
  { timeout: 600_000 },
  async () => {
    const bed = await openCronBed({
      release: inject("isolated").release,
      isolated: true,
      config: { cron: { maxConcurrentRuns: 4 }, agents: { defaults: { heartbeat: { every: "15s", target: "none" } } } },
    });
    onTestFinished(() => bed.close());
    const runs = Array.from({ length: RUNS }, (_, run) => run);
    await Promise.all(
      runs.map((run) => {
        const command = `sleep 3; echo LOAD-${run}-@-END`;
        return runCronJob(bed, `[[tool id=LOAD${run} cmd="${command}" times=${COMMANDS} background n=1]]`, 300_000);
      }),
    );
    const markers = runs.flatMap((run) => Array.from({ length: COMMANDS }, (_, index) => `LOAD-${run}-${index}-END`));
    const account = async () => {
      const { waiting, counted } = await bed.queues();
      const waits = Object.entries(waiting).filter(([, texts]) => texts.some((text) => text.includes("LOAD-")));
      return {
        seen: markers.filter((marker) => wasSeen(bed, marker)).length,
        dropped: counted["queue-overflow"] ?? 0,
        waitsUnder: waits.map(([key]) => key),
      };
    };
    const final = await until(
      async () => {
        const now = await account();
        return now.seen + now.dropped >= markers.length ? now : undefined;
      },
      ENOUGH_MS,
      "the last of the events",
    ).catch(account);
    console.log(`${final.seen} of ${markers.length} seen, ${final.dropped} dropped and counted`);
    expect(final.waitsUnder).toEqual([]);
    expect(final.seen + final.dropped).toBe(markers.length);
    expect(final.seen).toBeGreaterThan(0);
    const heartbeats = bed.model.requests.filter(({ id }) => id === "").length;
    expect(heartbeats).toBeGreaterThan(0);
    if (final.dropped > 0) expect(bed.gateway.logs()).toContain("queue of system events was full");
  },
);
