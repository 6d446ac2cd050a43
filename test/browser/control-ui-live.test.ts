/** The lists of OpenClaw's own Control UI stay live: status events and the roster reach it without other sessions' content. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshSession, say } from "../gateway/contract.ts";
import { releaseUnderTest } from "../gateway/release-under-test.ts";
import { isolationRegister, openBed, type OpenBed } from "../support/gateway/bed.ts";
import { launchBrowser } from "../support/gateway/browser.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { type ControlUi, openControlUi } from "../support/gateway/control-ui.ts";
import { WITH_CONTROL_UI } from "../support/gateway/gateway-config.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { until } from "../support/gateway/watch.ts";
import type { Client } from "../support/wire/clients.ts";
import { noControlUi } from "./control-ui-here.ts";

const version = releaseUnderTest();
const missing = noControlUi(version);
if (missing) process.stderr.write(`${missing}\n`);
const { hasSessionPages, hasTaskEvents } = capabilities({ version });

const JOBS = hasSessionPages ? "/automations" : "/cron";
/** The page asks again by itself much more rarely. */
const LIVE_MS = 20_000;
const TIMEOUT_MS = 240_000;

describe.skipIf(missing !== undefined)(`the lists of the Control UI of ${version}`, () => {
  let browser: Browser;
  let beds: readonly (readonly [name: string, bed: OpenBed])[] = [];

  beforeAll(async () => {
    const release = await ensureRelease(version);
    const [launched, control, module] = await Promise.all([
      launchBrowser(),
      openBed(release, { config: WITH_CONTROL_UI }),
      openBed(release, { config: WITH_CONTROL_UI, preload: isolationRegister() }),
    ]);
    browser = launched;
    beds = [
      ["control", control],
      ["module", module],
    ];
  }, TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await Promise.all(beds.map(([, bed]) => bed.close()));
  });

  /**
   * Runs a scene on both gateways, the control gateway first, with a person who looks at a page.
   *
   * @returns the gateways on which the scene came to its end
   */
  async function onBoth(path: string, scene: (ui: ControlUi, boss: Client) => Promise<void>): Promise<string[]> {
    const done: string[] = [];
    for (const [name, bed] of beds) {
      const { key } = freshSession("ui");
      const boss = await bed.connect({ name: "boss", scopes: ["operator.admin", "operator.read", "operator.write"] });
      await boss.final((await boss.chat(key, say("SEED", 2))).runId);
      const ui = await openControlUi(browser, bed.gateway, name, key);
      try {
        if (path !== "") await ui.page.goto(`http://127.0.0.1:${bed.gateway.port}${path}`);
        await scene(ui, boss);
        done.push(name);
      } catch (error) {
        await ui.screenshot(`FAILED-live-${name}`).catch(() => undefined);
        throw error;
      } finally {
        await ui.close();
        await boss.close();
      }
    }
    return done;
  }

  async function addJob(boss: Client, name: string): Promise<string> {
    const job = await boss.request("cron.add", {
      name,
      schedule: { kind: "at", at: new Date(Date.now() + 3_600_000).toISOString() },
      sessionTarget: "isolated",
      wakeMode: "next-heartbeat",
      payload: { kind: "agentTurn", message: say(name, 3) },
      delivery: { mode: "none" },
    });
    return String(job["id"] ?? (job["job"] as { id?: unknown } | undefined)?.id);
  }

  /** Waits until a page shows a text, which it did not before something happened. */
  async function appears(ui: ControlUi, text: string, happens: () => Promise<unknown>): Promise<void> {
    const shown = async (): Promise<boolean> => (await ui.text()).includes(text);
    expect(await shown()).toBe(false);
    await happens();
    await until(shown, `"${text}" appears on ${ui.page.url()}`, LIVE_MS);
  }

  test(
    "the page of jobs shows a job of somebody else as soon as it is added",
    async () => {
      const done = await onBoth(JOBS, async (ui, boss) => {
        const [first, second] = [freshSession().id, freshSession().id];
        await addJob(boss, first);
        // The first list comes with the page.
        await until(async () => (await ui.text()).includes(first), "the page has loaded", TIMEOUT_MS / 4);
        await appears(ui, second, () => addJob(boss, second));
      });
      expect(done).toEqual(["control", "module"]);
    },
    TIMEOUT_MS,
  );

  test.runIf(hasTaskEvents)(
    "the page of tasks shows the run of somebody else's job",
    async () => {
      const done = await onBoth("/tasks", async (ui, boss) => {
        const [first, second] = [freshSession().id, freshSession().id];
        const run = async (name: string): Promise<unknown> =>
          boss.request("cron.run", { id: await addJob(boss, name), mode: "force" });
        await run(first);
        await until(async () => (await ui.text()).includes(first), "the page has loaded", TIMEOUT_MS / 4);
        await appears(ui, second, () => run(second));
      });
      expect(done).toEqual(["control", "module"]);
    },
    TIMEOUT_MS,
  );

  test(
    "the list of sessions shows a session that somebody else begins",
    async () => {
      const done = await onBoth("", async (ui, boss) => {
        const { key, id } = freshSession("begun");
        expect(await ui.lists(key)).toBe(false);
        await boss.final((await boss.chat(key, say(id, 3))).runId);
        await until(() => ui.lists(key), "the session is in the list", LIVE_MS);
      });
      expect(done).toEqual(["control", "module"]);
    },
    TIMEOUT_MS,
  );
});
