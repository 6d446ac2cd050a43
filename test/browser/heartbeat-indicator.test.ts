/** OpenClaw's own Control UI shows the last heartbeat with the module as without it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { releaseUnderTest } from "../gateway/release-under-test.ts";
import { isolationRegister, openBed, type OpenBed } from "../support/gateway/bed.ts";
import { WITH_CONTROL_UI } from "../support/gateway/gateway-config.ts";
import { launchBrowser } from "../support/gateway/browser.ts";
import { type Client, field, type RecordedFrame } from "../support/wire/clients.ts";
import { HEARTBEATS_ON, MAIN_SESSION } from "../support/scene/heartbeat-scene.ts";
import { textOf } from "../support/gateway/control-ui.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { noControlUi } from "./control-ui-here.ts";

const version = releaseUnderTest();
const missing = noControlUi(version);
if (missing) process.stderr.write(`${missing}\n`);

/** The page asks for the last heartbeat every few seconds. */
const SHOWN_WITHIN_MS = 20_000;

interface Shown {
  readonly status: unknown;
  /** Whether the snapshot of the last heartbeat, and the log of events, show this one. */
  readonly snapshot: boolean;
  readonly log: boolean;
  /** Whether the log of events quotes what the heartbeat said: this page has no session open. */
  readonly quoted: boolean;
}

/** Opens the page that shows the last heartbeat and the events that came. */
async function openDebugPage(browser: Browser, { gateway }: OpenBed): Promise<Page> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${gateway.port}/debug#token=${gateway.token}`);
  await until(async () => /Last heartbeat/.test(await textOf(page)), 60_000);
  return page;
}

async function until(done: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await sleep(250)) if (await done()) return true;
  return false;
}

/** Wakes the main session, and looks what the page makes of the heartbeat. */
async function oneHeartbeat(operator: Client, page: Page): Promise<Shown> {
  const from = operator.frames.length;
  await operator.request("wake", { mode: "now", text: "EVENT" });
  const event = await operator.waitFor(
    (frame) => operator.frames.indexOf(frame) >= from && isOutcome(frame),
    60_000,
    "a heartbeat's outcome",
  );
  // The time of the heartbeat, in milliseconds, is on the page for this one only.
  const [status, ts] = [String(field(event, "status")), String(field(event, "ts"))];
  const parts = async (): Promise<readonly [string, string]> => {
    const text = await textOf(page);
    const [snapshot = "", rest = ""] = text.split("Last heartbeat")[1]?.split("Event Log") ?? [];
    // Newer pages colour what they show, each word for itself.
    return [snapshot.replaceAll(/\s/g, ""), rest.replaceAll(/\s/g, "")];
  };
  const shows = (text: string): boolean => text.includes(`"ts":${ts}`) && text.includes(`"status":"${status}"`);
  const snapshot = await until(async () => shows((await parts())[0]), SHOWN_WITHIN_MS);
  const log = await until(async () => shows((await parts())[1]), SHOWN_WITHIN_MS);
  return { status, snapshot, log, quoted: (await parts())[1].includes(`"preview":"ALERT`) };
}

function isOutcome(frame: RecordedFrame): boolean {
  return (
    frame.event === "heartbeat" &&
    field(frame, "durationMs") !== undefined &&
    field(frame, "reason") !== "requests-in-flight"
  );
}

describe.skipIf(missing !== undefined)(`the Control UI of ${version}`, () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launchBrowser()));
  afterAll(() => browser?.close());

  async function observe(preload: string | undefined): Promise<Shown[]> {
    const bed = await openBed(await ensureRelease(version), {
      config: { ...HEARTBEATS_ON, ...WITH_CONTROL_UI },
      preload,
    });
    onTestFinished(() => bed.close());
    const page = await openDebugPage(browser, bed);
    const operator = await bed.connect({ name: "operator" });
    const shown = [];
    for (const answer of ["ALERT1", "HEARTBEAT_OK"]) {
      bed.model.otherwise = () => ({ kind: "say", id: "HEARTBEAT", chunks: [answer], delayMs: 50 });
      shown.push(await oneHeartbeat(operator, page));
      // 2026.5 runs no heartbeat right after another one, but one after a user's message.
      const { runId } = await operator.chat(MAIN_SESSION, "[[say id=USER n=2]]");
      await operator.final(runId);
      await sleep(700);
    }
    return shown;
  }

  test("the Control UI shows and logs each heartbeat with the module as it does without it", async () => {
    const [published, isolated] = await Promise.all([observe(undefined), observe(isolationRegister())]);
    expect(published.map(({ snapshot, log, quoted }) => ({ snapshot, log, quoted }))).toEqual([
      { snapshot: true, log: true, quoted: true },
      { snapshot: true, log: true, quoted: true },
    ]);
    expect(isolated).toEqual(published.map((each) => ({ ...each, quoted: false })));
  }, 300_000);
});
