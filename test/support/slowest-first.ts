/** Starts the test files that take longest first: one of them at the end would leave a core without work. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files of several boots or long waits, the slowest first. */
const SLOW = [
  "gateway/cron-events",
  "gateway/heartbeat",
  "gateway/completion-properties",
  "gateway/configurations",
  "gateway/probe",
  "cli/status",
  "gateway/targeted-wakes",
  "gateway/plugin",
  "gateway/lifecycle",
  "gateway/completions",
  "gateway/heartbeat-alerts",
  "gateway/settings",
  "gateway/session-content",
  "gateway/access",
  "gateway/access-evasion",
  "gateway/own-runs",
  "gateway/coming-back",
  "gateway/client-faults",
  "gateway/client",
  "gateway/heartbeat-channel",
  "cli/connection",
  "gateway/hostile",
];

function rank({ moduleId }: TestSpecification): number {
  const index = SLOW.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return index === -1 ? SLOW.length : index;
}

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
