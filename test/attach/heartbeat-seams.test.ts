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

describe("what heartbeats do without", () => {
  test("is nothing on the pinned releases", () => {
    expect(missingHeartbeatSeams(new Set(OF_2026_2_9))).toEqual([]);
    expect(missingHeartbeatSeams(new Set(FROM_2026_8))).toEqual([]);
  });

  test.each(OF_2026_2_9)("is told in one line that names %s", (name) => {
    const lines = missingHeartbeatSeams(without(OF_2026_2_9, name));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^heartbeats: .* not found, so /);
    expect(lines[0]).toContain(name);
  });

  test("says that heartbeats run as OpenClaw has them without the function that runs them", () => {
    expect(missingHeartbeatSeams(without(OF_2026_2_9, "runHeartbeatOnce"))).toEqual([
      "heartbeats: runHeartbeatOnce not found, so they run as OpenClaw has them, beside users' runs too",
    ]);
  });

  test("is no matter of aborting on a release that aborts them itself", () => {
    expect(missingHeartbeatSeams(without(FROM_2026_8, ...ABORTING))).toEqual([]);
    expect(missingHeartbeatSeams(without(OF_2026_2_9, ...ABORTING))).toHaveLength(ABORTING.length);
  });

  test("takes any of several functions for the same", () => {
    const newer = [...without(OF_2026_2_9, "drainSystemEventEntries"), "consumeSelectedSystemEventEntries"];
    expect(missingHeartbeatSeams(new Set(newer))).toEqual([]);
  });

  test("is bounded, and asks for functions of the table of seams only", () => {
    const lines = missingHeartbeatSeams(new Set());
    expect(lines.length).toBeLessThanOrEqual(12);
    const asked = lines.flatMap((line) => /^heartbeats: (.*) not found/.exec(line)![1]!.split(" or "));
    expect(asked.filter((name) => !SEAM_FUNCTIONS.includes(name))).toEqual([]);
  });
});

describe("in an installed release", () => {
  test("is not looked for where nothing is missing", async () => {
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

  test("functions count that were loaded, and those that are only declared", async () => {
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

  test("without a dist folder is an error", async () => {
    await expect(lookForHeartbeatSeams(release({ "package.json": "{}" }), new Set())).rejects.toThrow("dist");
  });
});
