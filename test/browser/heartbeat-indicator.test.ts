/** OpenClaw's own Control UI shows the last heartbeat with the module as without it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { releaseUnderTest } from "../gateway/release-under-test.ts";
import { isolationRegister, openBed, type OpenBed } from "../support/bed.ts";
import { launchBrowser, noBrowser } from "../support/browser.ts";
import { type Client, field, type RecordedFrame } from "../support/clients.ts";
import { HEARTBEATS_ON } from "../support/heartbeat-scene.ts";
import { compareVersions, ensureRelease } from "../support/release.ts";

const version = releaseUnderTest();
const missing =
  noBrowser() ??
  (compareVersions(version, "2026.5.0") < 0
    ? `SKIPPED: the Control UI of ${version} proves its device in a way that is not driven here`
    : undefined);
if (missing) process.stderr.write(`${missing}\n`);

/** The page asks for the last heartbeat every few seconds. */
const SHOWN_WITHIN_MS = 15_000;

interface Shown {
  readonly status: unknown;
  /** Whether the snapshot of the last heartbeat, and the log of events, show this one. */
  readonly snapshot: boolean;
  readonly log: boolean;
}

describe.skipIf(missing !== undefined)(`the Control UI of ${version}`, () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launchBrowser()));
  afterAll(() => browser?.close());

  async function observe(preload: string | undefined): Promise<Shown[]> {
    const bed = await openBed(await ensureRelease(version), { config: HEARTBEATS_ON, preload });
    onTestFinished(() => bed.close());
    const { page, events } = await openDebugPage(browser, bed);
    const operator = await bed.connect({ name: "operator" });
    const shown = [];
    for (const answer of ["ALERT1", "HEARTBEAT_OK"]) {
      bed.model.otherwise = () => ({ kind: "say", id: "HEARTBEAT", chunks: [answer], delayMs: 50 });
      shown.push(await oneHeartbeat(operator, page, events));
    }
    return shown;
  }

  test("shows each heartbeat with the module as without it, and logs that it came", async () => {
    const [published, isolated] = await Promise.all([observe(undefined), observe(isolationRegister())]);
    expect(published.map(({ snapshot, log }) => ({ snapshot, log }))).toEqual([
      { snapshot: true, log: true },
      { snapshot: true, log: true },
    ]);
    expect(isolated).toEqual(published);
  }, 200_000);
});
