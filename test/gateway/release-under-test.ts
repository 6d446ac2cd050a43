/** The OpenClaw release that the contract suite runs against, from OPENCLAW_RELEASE. */
import type { TestProject } from "vitest/node";

const NEWEST_PINNED = "2026.9.6";

/**
 * @param project whose setup asks: what it sets for its files does not hold in the process of its setup
 */
export function releaseUnderTest(project?: TestProject): string {
  return project?.config.env?.["OPENCLAW_RELEASE"] ?? process.env["OPENCLAW_RELEASE"] ?? NEWEST_PINNED;
}
