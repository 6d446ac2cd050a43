import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { lookForHeartbeatSeams, missingHeartbeatSeams } from "../../src/attach/heartbeat-seams.ts";
import { SEAM_FUNCTIONS } from "../../src/attach/seams.ts";

/** What 2026.2.9, 2026.5.7 and 2026.9.6 declare. */
const OF_2026_2_9 = [
  "runHeartbeatOnce",
  "setHeartbeatWakeHandler",
  "resolveHeartbeatAgents",
  "resolveHeartbeatIntervalMs",
  "resolveHeartbeatSession",
  "onAgentEvent",
  "enqueueCommandInLane",
  "setActiveEmbeddedRun",
  "clearActiveEmbeddedRun",
  "getReplyFromConfig",
  "drainSystemEventEntries",
  "enqueueSystemEvent",
];
const FROM_2026_8 = [...OF_2026_2_9, "preemptAndDrainEmbeddedHeartbeatRun"];
const ABORTING = [
  "setActiveEmbeddedRun",
  "clearActiveEmbeddedRun",
  "getReplyFromConfig",
  "drainSystemEventEntries",
  "enqueueSystemEvent",
];

const without = (names: readonly string[], ...gone: readonly string[]): Set<string> =>
  new Set(names.filter((name) => !gone.includes(name)));

describe("missing heartbeat seams", () => {
  test("no heartbeat seam is missing on the pinned releases", () => {
    expect(missingHeartbeatSeams(new Set(OF_2026_2_9))).toEqual([]);
    expect(missingHeartbeatSeams(new Set(FROM_2026_8))).toEqual([]);
  });

  test.each(OF_2026_2_9)("a release without %s gets one line that names it", (name) => {
    const lines = missingHeartbeatSeams(without(OF_2026_2_9, name));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^heartbeats: .* not found, so /);
    expect(lines[0]).toContain(name);
  });

  test("a release without runHeartbeatOnce is told that its heartbeats run as OpenClaw has them", () => {
    expect(missingHeartbeatSeams(without(OF_2026_2_9, "runHeartbeatOnce"))).toEqual([
      "heartbeats: runHeartbeatOnce not found, so they run as OpenClaw has them, beside users' runs too",
    ]);
  });

  test("a release that aborts heartbeats itself gets no line about the functions for aborting", () => {
    expect(missingHeartbeatSeams(without(FROM_2026_8, ...ABORTING))).toEqual([]);
    expect(missingHeartbeatSeams(without(OF_2026_2_9, ...ABORTING))).toHaveLength(ABORTING.length);
  });

  test("either of two functions that do the same fills a heartbeat seam", () => {
    const newer = [...without(OF_2026_2_9, "drainSystemEventEntries"), "consumeSelectedSystemEventEntries"];
    expect(missingHeartbeatSeams(new Set(newer))).toEqual([]);
  });

  test("the report for a release with nothing is bounded and names only functions of the seam table", () => {
    const lines = missingHeartbeatSeams(new Set());
    expect(lines.length).toBeLessThanOrEqual(12);
    const asked = lines.flatMap((line) => /^heartbeats: (.*) not found/.exec(line)![1]!.split(" or "));
    expect(asked.filter((name) => !SEAM_FUNCTIONS.includes(name))).toEqual([]);
  });
});

describe("looking for heartbeat seams in an installed release", () => {
  test("nothing is read from the disk when no heartbeat seam is missing", async () => {
    expect(await lookForHeartbeatSeams("/no/such/folder", new Set(OF_2026_2_9))).toEqual([]);
  });

  function release(files: Readonly<Record<string, string>>): string {
    const root = mkdtempSync(join(tmpdir(), "isolation-seams-"));
    onTestFinished(() => rmSync(root, { recursive: true }));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, path, ".."), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return root;
  }

  test("a function that was loaded and a function that is only declared both count as found", async () => {
    const root = release({
      "dist/a.mjs": OF_2026_2_9.slice(3)
        .map((name) => `function ${name}() {}`)
        .join("\n"),
      "dist/deep/b.js": "async function runHeartbeatOnce() {}",
      "dist/deep/c.txt": "function setHeartbeatWakeHandler() {}",
    });
    const missing = await lookForHeartbeatSeams(root, new Set(["resolveHeartbeatAgents"]));
    expect(missing.map((line) => line.split(" ")[1])).toEqual(["setHeartbeatWakeHandler"]);
  });

  test("looking into a package without a dist folder is an error", async () => {
    await expect(lookForHeartbeatSeams(release({ "package.json": "{}" }), new Set())).rejects.toThrow("dist");
  });
});
