/**
 * The output of a command that a run left in the background reaches a model in every configuration that a release
 * accepts. A text that only the output holds is looked for in what the models were asked.
 */
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { capabilities } from "../support/gateway/capabilities.ts";
import { CONFIGURATIONS, type Configuration, type ConfigurationName } from "../support/gateway/configurations.ts";
import {
  type CompletionBed,
  fateOfOutput,
  leaveByCron,
  openCompletionBed,
  raised,
  requestsWith,
} from "../support/scene/completions.ts";

const { release } = inject("isolated");
const does = capabilities(release);

const SEEN_MS = 70_000;
/** How long the control gateway has, when it does not do it by itself: far longer than it takes where it does. */
const STRANDED_MS = 8_000;

async function bed(isolated: boolean, name?: ConfigurationName): Promise<CompletionBed> {
  const opened = await openCompletionBed({ release, isolated, ...(name ? { name } : {}) });
  onTestFinished(() => opened.close());
  return opened;
}

/** All of them where a gateway boots in seconds; elsewhere those that differ most from a bed's own. */
const names = (Object.keys(CONFIGURATIONS) as ConfigurationName[]).filter((name) => {
  const { needs } = CONFIGURATIONS[name] as Configuration;
  if (needs !== undefined && !does[needs]) return false;
  return does.bootsFast || ["heartbeatsOff", "oneHeartbeatOfTwo", "twoAgents", "isolatedHeartbeat"].includes(name);
});

/** The queue of an agent's main session. */
function sessionOf(name: ConfigurationName, agent: string): string {
  return (CONFIGURATIONS[name] as Configuration).global ? "global" : `agent:${agent}:main`;
}

// From 2026.8 on the release keeps wakes by itself.
describe.runIf(!does.wakesReachSessions)("the output of a cron run's command", { timeout: 300_000 }, () => {
  test.each(names)("the output of a cron run's command reaches a model with %s", async (name) => {
    const { agents } = CONFIGURATIONS[name];
    const [published, ours] = await Promise.all([bed(false, name), bed(true, name)]);
    for (const agent of agents) {
      const [left, own] = await Promise.all([leaveByCron(published, agent), leaveByCron(ours, agent)]);
      await Promise.all([raised(published, left), raised(ours, own)]);
      const [asPublished, fate] = await Promise.all([
        fateOfOutput(published, left, STRANDED_MS),
        fateOfOutput(ours, own, SEEN_MS),
      ]);
      // Once, and in no other session: of what the control gateway did nothing is lost.
      expect(fate).toBe(`seen ${sessionOf(name, agent)}`);
      expect(requestsWith(ours, own.output)).toBe(1);
      // Up to 2026.4 nobody drains the queue of a cron run.
      if (!does.namesCronRuns) expect(asPublished).toMatch(/^waits agent:\w+:cron:/);
    }
  });
});
