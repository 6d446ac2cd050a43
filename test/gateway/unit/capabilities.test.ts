/** The flags of releases by which contract cases differ. */
import { expect, test } from "vitest";
import { releaseReports } from "../../../scripts/releases-page.ts";
import { capabilities, type Capabilities } from "../../support/gateway/capabilities.ts";

const RELEASES = releaseReports().map(({ release, functions }) => ({
  release,
  functions,
  flags: capabilities({ version: release }),
}));
const FLAGS = Object.keys(RELEASES[0]!.flags) as (keyof Capabilities)[];

test.each(FLAGS)("the flag %s is true on some releases and false on others", (flag) => {
  expect(new Set(RELEASES.map(({ flags }) => flags[flag]))).toEqual(new Set([true, false]));
});

test.each([
  ["preemptsHeartbeats", "preemptAndDrainEmbeddedHeartbeatRun"],
  ["remapsCronEvents", "resolveEventSessionKey"],
  ["hasGlobalSessionOfAgent", "resolveSessionSubscriptionKey"],
] as const)("the flag %s is true on the releases that declare %s", (flag, name) => {
  for (const { release, functions, flags } of RELEASES) {
    expect([release, flags[flag]]).toEqual([release, functions.includes(name)]);
  }
});

test("a suffix of a version does not change what its release does", () => {
  expect(capabilities({ version: "2026.8.1-beta.2" })).toEqual(capabilities({ version: "2026.8.1" }));
});
