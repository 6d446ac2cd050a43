/** The OpenClaw release that the contract suite runs against, from OPENCLAW_RELEASE. */
const NEWEST_PINNED = "2026.9.6";

export function releaseUnderTest(): string {
  return process.env["OPENCLAW_RELEASE"] ?? NEWEST_PINNED;
}
