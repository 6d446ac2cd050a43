/** The table of seams: what each row must say, that it agrees with the published releases, and what the module reports about it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare } from "semver";
import { describe, expect, onTestFinished, test } from "vitest";
import { differences, releaseReports } from "../../scripts/releases-page.ts";
import { Attached } from "../../src/attach/attached.ts";
import { scanPackage } from "../../src/attach/loader.ts";
import {
  leftAlone,
  missingHeartbeatSeams,
  missingSeams,
  namesIn,
  RELEASES,
  SEAM_FUNCTIONS,
  SEAMS,
  standingDown,
} from "../../src/attach/seams.ts";
import { declaredBy } from "../../src/cli/survey.ts";
import { PINNED_RELEASES } from "../support/gateway/release.ts";

describe.each(SEAMS)("the seam $name", (seam) => {
  const names = namesIn([seam]);

  test(`seam ${seam.name} has a name of its own, and says what it is for and what happens without it`, () => {
    expect(SEAMS.filter(({ name }) => name === seam.name)).toHaveLength(1);
    expect(seam.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    for (const text of [seam.purpose, seam.without, seam.standsDown ?? "none"]) {
      expect(text).toMatch(/^[^A-Z].*[^.\s]$/);
    }
    expect(names.length).toBeGreaterThan(0);
  });

  test(`seam ${seam.name} dates its functions with releases, the first one with it before the first one without it`, () => {
    for (const { since, until } of seam.functions) {
      for (const version of [since, until].filter((each) => each !== undefined)) {
        expect(version).toMatch(/^\d{4}\.\d+\.\d+$/);
        expect(compare(version, RELEASES.oldest)).toBe(1);
        expect(compare(version, RELEASES.newest)).toBeLessThan(1);
      }
      if (since && until) expect(compare(since, until)).toBe(-1);
    }
  });

  test(`seam ${seam.name} names as \`unless\` another seam of the table, whose release does its work`, () => {
    if (seam.unless === undefined) return;
    expect(SEAMS.find(({ name }) => name === seam.unless)?.standsDown).toBeDefined();
  });

  test(`seam ${seam.name} is found in a package by any one of its functions, in each of the ways in which releases declare them`, () => {
    for (const name of names) {
      for (const before of ["", "async ", "export ", "export async "]) {
        const root = release({ "dist/chunk.mjs": `const a = 1;\n${before}function ${name}(b) {\n}\n` });
        expect([...scanPackage(root, SEAM_FUNCTIONS).keys()]).toEqual([name]);
      }
    }
  });

  test(`seam ${seam.name} is missing, if it is required, exactly where none of its functions is declared`, () => {
    const others = SEAM_FUNCTIONS.filter((name) => !names.includes(name));
    expect(missingSeams(new Set(others))).toEqual(seam.required ? [seam] : []);
    for (const name of names) expect(missingSeams(new Set([...others, name]))).toEqual([]);
  });
});

describe("the releases", () => {
  test.each(releaseReports())("the table has the functions that were found in the package of $release", (report) => {
    expect(report.functions.length).toBeGreaterThan(SEAMS.length / 2);
    expect(differences(report)).toEqual([]);
  });

  test("the report has the newest release of the table, and those of the tests", () => {
    const releases = releaseReports().map((report) => report.release);
    expect(releases).toEqual(expect.arrayContaining([RELEASES.newest, ...PINNED_RELEASES]));
  });

  test("a function that appeared, or one that has gone, is a difference", () => {
    const [report] = releaseReports();
    const functions = ["requestHeartbeatNow", ...report!.functions.filter((name) => name !== "onAgentEvent")];
    expect(differences({ ...report!, functions })).toEqual(["-onAgentEvent", "+requestHeartbeatNow"]);
  });

  test.each([
    ["2026.2.9", []],
    ["2026.5.7", []],
    ["2026.9.6", ["session-events", "cron-events", "heartbeat-preemption"]],
  ])("the module stands down on %s for %j", (version, parts) => {
    expect(standingDown(declaredBy(version)).map(({ name }) => name)).toEqual(parts);
  });
});

const OF_2026_2_9 = [...declaredBy("2026.2.9")];
const OF_2026_9_6 = [...declaredBy("2026.9.6")];
const HEARTBEATS = [
  "runHeartbeatOnce",
  "setHeartbeatWakeHandler",
  "resolveHeartbeatAgents",
  "resolveHeartbeatIntervalMs",
  "resolveHeartbeatSession",
  "onAgentEvent",
  "enqueueCommandInLane",
];
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
  test.each(PINNED_RELEASES)("no heartbeat seam is missing on %s", (version) => {
    expect(missingHeartbeatSeams(declaredBy(version))).toEqual([]);
  });

  test.each([...HEARTBEATS, ...ABORTING])("a release without %s gets one line that names it", (name) => {
    const lines = missingHeartbeatSeams(without(OF_2026_2_9, name));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^heartbeats: .* not found, so /);
    expect(lines[0]).toContain(name);
  });

  test("a release without runHeartbeatOnce gets the message that its heartbeats run as in OpenClaw", () => {
    expect(missingHeartbeatSeams(without(OF_2026_2_9, "runHeartbeatOnce"))).toEqual([
      "heartbeats: runHeartbeatOnce not found, so heartbeats run as in OpenClaw, alongside users' runs",
    ]);
  });

  test("a release that aborts heartbeats itself gets no line about the functions for aborting", () => {
    const gone = [...ABORTING, "consumeSelectedSystemEventEntries"];
    expect(missingHeartbeatSeams(without(OF_2026_9_6, ...gone))).toEqual([]);
    expect(missingHeartbeatSeams(without(OF_2026_2_9, ...gone))).toHaveLength(ABORTING.length);
  });

  test("either of two functions that do the same fills a heartbeat seam", () => {
    const newer = [...without(OF_2026_2_9, "drainSystemEventEntries"), "consumeSelectedSystemEventEntries"];
    expect(missingHeartbeatSeams(new Set(newer))).toEqual([]);
  });

  test("the report for a release with nothing is bounded and names only functions of the seam table", () => {
    const lines = missingHeartbeatSeams(new Set());
    expect(lines).toHaveLength(HEARTBEATS.length + ABORTING.length);
    const asked = lines.flatMap((line) => /^heartbeats: (.*) not found/.exec(line)![1]!.split(" or "));
    expect(asked.filter((name) => !SEAM_FUNCTIONS.includes(name))).toEqual([]);
  });
});

describe("looking for heartbeat seams in an installed release", () => {
  const attachedTo = (names: readonly string[]): Attached => {
    const attached = new Attached();
    for (const name of names) attached.found(name, () => undefined);
    return attached;
  };

  test("nothing is read from the disk when no heartbeat seam is missing", async () => {
    expect(await attachedTo(OF_2026_2_9).missingForHeartbeats("/no/such/folder")).toEqual([]);
  });

  test("a function that was loaded and a function that is only declared both count as found", async () => {
    const root = release({
      "dist/a.mjs": [...HEARTBEATS.slice(3), ...ABORTING].map((name) => `function ${name}() {}`).join("\n"),
      "dist/deep/b.js": "async function runHeartbeatOnce() {}",
      "dist/deep/c.txt": "function setHeartbeatWakeHandler() {}",
    });
    const missing = await attachedTo(["resolveHeartbeatAgents"]).missingForHeartbeats(root);
    expect(missing.map((line) => line.split(" ")[1])).toEqual(["setHeartbeatWakeHandler"]);
  });

  test("looking into a package without a dist folder is an error", async () => {
    await expect(attachedTo([]).missingForHeartbeats(release({ "package.json": "{}" }))).rejects.toThrow("dist");
  });
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

test.each([
  ["2026.5.27", []],
  ["2026.5.28", ["heartbeat-abort"]],
  ["2026.7.35", ["heartbeat-abort"]],
  ["2026.8.1", []],
  ["2026.10.1", []],
])("on OpenClaw %s the module leaves %j alone", (version, names) => {
  expect(leftAlone(version).map(({ name }) => name)).toEqual(names);
});
