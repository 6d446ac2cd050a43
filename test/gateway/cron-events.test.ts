/**
 * The events of cron runs reach the queue that a heartbeat drains.
 *
 * Not driven here, since each needs a program outside of the gateway: the relay of an ACP agent to
 * its parent, and the watchdog of a CLI backend that stalls. They enqueue through the same
 * functions. From 2026.5 a denied approval on the gateway's own host is not a system event, and 2026.9
 * takes reports only from a node that an operator has approved: there an explicit run key in
 * `system-event` and `wake` stands in for them.
 */
import { afterAll, inject, describe, expect, onTestFinished, test } from "vitest";
import {
  type CronBed,
  type CronBedOptions,
  follow,
  followCronEvent,
  openCronBed,
} from "../support/scene/cron-scene.ts";
import { capabilities, type Capabilities } from "../support/gateway/capabilities.ts";
import { settingsFile } from "./own-bed.ts";

const RUN_KEY = "agent:main:cron:a-job:run:a-run";

async function cronBed(options: Omit<CronBedOptions, "release">): Promise<CronBed> {
  const bed = await openCronBed({ release: inject("isolated").release, ...options });
  onTestFinished(() => bed.close());
  return bed;
}

/** Has a node report something under the key of a cron run; returns a text of the event. */
async function nodeReports(bed: CronBed): Promise<string> {
  const client = { id: "node-host", mode: "node" };
  const node = await bed.connectRaw({ name: "node", role: "node", scopes: [], client, device: true });
  const report = does().hasNotificationReports
    ? ["notifications.changed", { change: "posted", key: "note", title: "NODE-REPORT" }]
    : ["exec.denied", { runId: "r", command: "NODE-REPORT", reason: "user-denied" }];
  const payloadJSON = JSON.stringify({ ...(report[1] as object), sessionKey: RUN_KEY });
  await node.request("node.event", { event: report[0], payloadJSON });
  return "NODE-REPORT";
}

function does(): Capabilities {
  return capabilities(inject("isolated").release);
}

/** Under which key the control gateway puts the event of a cron run's command. */
function publishedKey(): RegExp {
  if (does().remapsCronEvents) return /^agent:main:main$/;
  return does().namesCronRuns ? /^agent:main:cron:[^:]+:run:/ : /^agent:main:cron:[^:]+$/;
}

/** One gateway for the cases that ask for nothing else, booted by the first of them. */
let shared: Promise<CronBed> | undefined;
const sharedBed = (): Promise<CronBed> =>
  (shared ??= openCronBed({ release: inject("isolated").release, isolated: true }));

afterAll(async () => {
  await (await shared)?.close();
});

// Once more at a failure: the release itself drops wakes on a machine that is slow at that moment.
describe("a command that a cron run left in the background", { retry: 1 }, () => {
  test("a cron run's command reports its end to the main session, however it was started and ended", async () => {
    const bed = await sharedBed();
    for (const how of [{}, { exitCode: 3 }, { foreground: true }]) {
      const outcome = await followCronEvent(bed, how);
      expect(outcome).toMatchObject({ waitingUnder: [], drainedFrom: ["agent:main:main"] });
      expect(outcome.heartbeats).toBeGreaterThan(0);
    }
  });

  test("a cron run's command reports its end even if a heartbeat ran just before", async () => {
    const bed = await sharedBed();
    const outcome = await followCronEvent(bed, { prewake: true });
    expect(outcome).toMatchObject({ waitingUnder: [], drainedFrom: ["agent:main:main"] });
    expect(outcome.heartbeats).toBeGreaterThan(0);
  });

  test("a cron run's command reports its end to the global session under session.scope global", async () => {
    const bed = await cronBed({ isolated: true, scope: "global" });
    const outcome = await followCronEvent(bed);
    const key = does().hasGlobalSessionOfAgent ? "agent:main:global" : "global";
    expect(outcome).toMatchObject({ waitingUnder: [], drainedFrom: [key] });
    expect(outcome.heartbeats).toBeGreaterThan(0);
  });

  test.each([
    ["the control gateway", false],
    // Where the release remaps these by itself, the setting changes nothing of it.
    ...(does().remapsCronEvents ? [] : ([["a gateway with cron.remap false", true]] as const)),
  ] as const)("a cron run's command reports its end under the run's key on %s", async (_, isolated) => {
    const file = await settingsFile({ cron: { remap: false } });
    const env = isolated ? { OPENCLAW_EVENT_ISOLATION_CONFIG: file } : {};
    const bed = await cronBed({ isolated, env });
    const { waitingUnder, drainedFrom } = await followCronEvent(bed);
    expect([...waitingUnder, ...drainedFrom]).toEqual([expect.stringMatching(publishedKey())]);
    if (!does().takesReportsOfNodes) return;
    const report = await follow(bed, await nodeReports(bed));
    expect([...report.waitingUnder, ...report.drainedFrom]).toEqual([RUN_KEY]);
  });
});

test("a chat session's command reports to that session, and an explicit run key means the main session", async () => {
  const bed = await sharedBed();
  const id = `CHAT${Date.now()}`;
  await bed.admin.chat("agent:main:own-chat", `[[tool id=${id} cmd="sleep 2; echo ${id}-END" background n=1]]`);
  const { waitingUnder, drainedFrom } = await follow(bed, `${id}-END`);
  expect([...waitingUnder, ...drainedFrom]).toEqual(["agent:main:own-chat"]);

  if (does().takesReportsOfNodes) {
    const report = await follow(bed, await nodeReports(bed));
    expect(report).toMatchObject({ waitingUnder: [], drainedFrom: ["agent:main:main"] });
  }

  await bed.admin.request("system-event", { text: "explicit run key", sessionKey: RUN_KEY });
  const event = await follow(bed, "explicit run key");
  expect(new Set([...event.waitingUnder, ...event.drainedFrom])).toEqual(new Set(["agent:main:main"]));

  await bed.admin.request("wake", { mode: "now", text: "woken by run key", sessionKey: RUN_KEY });
  expect(await follow(bed, "woken by run key")).toMatchObject({ waitingUnder: [], drainedFrom: ["agent:main:main"] });
});

test("the log warns once about events that a full queue drops", async () => {
  const bed = await cronBed({ isolated: true });
  for (let index = 0; index < 25; index += 1) await bed.admin.request("system-event", { text: `event ${index}` });
  const waiting = (await bed.queues()).waiting["agent:main:main"] ?? [];
  expect(waiting).toHaveLength(20);
  expect(waiting[0]).toBe("event 5");
  expect(bed.gateway.logs().match(/queue of system events was full \(20 events\)/g)).toHaveLength(1);
});
