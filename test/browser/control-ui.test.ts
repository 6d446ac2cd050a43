/** OpenClaw's own Control UI works with the module as without it, except for what it had not asked for. */
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { answer, freshSession, say } from "../gateway/contract.ts";
import { releaseUnderTest } from "../gateway/release-under-test.ts";
import { foreignFrames } from "../support/scene/asked-for.ts";
import { isolationRegister, openBed, type OpenBed } from "../support/gateway/bed.ts";
import { WITH_CONTROL_UI } from "../support/gateway/gateway-config.ts";
import { launchBrowser } from "../support/gateway/browser.ts";
import { type ControlUi, openControlUi } from "../support/gateway/control-ui.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { until } from "../support/gateway/watch.ts";
import { noControlUi } from "./control-ui-here.ts";

const version = releaseUnderTest();
const missing = noControlUi(version);
if (missing) process.stderr.write(`${missing}\n`);

const WORDS = 30;
/** On a busy machine a page of 2026.9 takes 15 s to load. */
const RELOAD_WORDS = 250;
const TIMEOUT_MS = 240_000;

type Kind = "plain" | "isolated";

interface Seen {
  /** How much of the reply was on the page at the looks at it: it grows. */
  readonly steps: number;
  readonly shown: boolean;
  readonly foreign: readonly string[];
  readonly onOtherPage: boolean;
}

describe.skipIf(missing !== undefined)(`the Control UI of ${version}`, () => {
  let browser: Browser;
  let beds: Record<Kind, OpenBed>;
  const opened: ControlUi[] = [];
  const complaints: Record<Kind, Set<string>> = { plain: new Set(), isolated: new Set() };
  beforeAll(async () => {
    const release = await ensureRelease(version);
    const [launched, plain, isolated] = await Promise.all([
      launchBrowser(),
      openBed(release, { config: WITH_CONTROL_UI }),
      openBed(release, { config: WITH_CONTROL_UI, preload: isolationRegister() }),
    ]);
    [browser, beds] = [launched, { plain, isolated }];
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all(Object.values(beds ?? {}).map((bed) => bed.close()));
  });
  beforeEach(() => void opened.splice(0));
  afterEach(async ({ task }) => {
    const name = task.name.replaceAll(/\W+/g, "-").slice(0, 40);
    if (task.result?.state === "fail")
      for (const [nth, ui] of opened.entries()) await ui.screenshot(`FAILED-${name}-${nth}`).catch(() => undefined);
    await Promise.all(opened.map((ui) => ui.close()));
  });

  /** A person who has logged in, and sees a session. */
  async function person(kind: Kind, name: string, sessionKey: string): Promise<ControlUi> {
    const ui = await openControlUi(browser, beds[kind].gateway, name, sessionKey);
    opened.push(ui);
    return ui;
  }

  /** Sessions that have been talked in, so that there is something to open. */
  async function sessions(kind: Kind, count: number): Promise<{ key: string; id: string }[]> {
    const client = await beds[kind].connect({ name: "seed" });
    const fresh = Array.from({ length: count }, () => freshSession("ui"));
    for (const { key } of fresh) {
      const { runId } = await client.chat(key, say("SEED", 2));
      await client.final(runId);
    }
    await client.close();
    return fresh;
  }

  const shows = async (ui: ControlUi, text: string): Promise<boolean> => (await ui.conversation()).includes(text);

  /** What every page must be after a case. */
  async function checked(kind: Kind, ui: ControlUi): Promise<void> {
    expect(await ui.text()).not.toMatch(/event gap/i);
    for (const each of ui.complaints) complaints[kind].add(each);
  }

  async function twoPeople(kind: Kind): Promise<Seen> {
    const [a, b] = await sessions(kind, 2);
    if (!a || !b) throw new Error("no sessions");
    const [alice, bob] = await Promise.all([person(kind, "alice", a.key), person(kind, "bob", b.key)]);
    await until(() => shows(bob, "SEED-1"), "Bob's session is shown");
    await alice.say(say(a.id, WORDS, 150));
    const lengths = new Set<number>();
    await until(async () => {
      const text = await alice.conversation();
      const words = [...text.matchAll(new RegExp(`${a.id}-\\d+`, "g"))].length;
      if (words > 0) lengths.add(words);
      if (words > 8 && lengths.size === 3) await alice.screenshot(`${kind}-streaming`);
      return words >= WORDS;
    }, "the whole reply is shown");
    await until(async () => !(await alice.running()), "the run has ended on the page");
    // The page of 2026.9 soon subscribes to what it sees in its roster, Alice's session too: not to one before it is there.
    const stranger = await beds[kind].connect({ name: "stranger" });
    const fresh = freshSession("new");
    await stranger.final((await stranger.chat(fresh.key, say(fresh.id, 20, 50))).runId);
    await stranger.close();
    await alice.screenshot(`${kind}-reply`);
    await bob.screenshot(`${kind}-other-person`);
    await Promise.all([checked(kind, alice), checked(kind, bob)]);
    const names: Record<string, string> = { [a.key]: "of Alice", [fresh.key]: "of a stranger" };
    return {
      steps: lengths.size,
      shown: await shows(alice, answer(a.id, WORDS)),
      foreign: foreignFrames(bob.wire.entries).map(({ event, key }) => `${event} ${names[key] ?? key}`),
      onOtherPage: (await shows(bob, a.id)) || (await shows(bob, fresh.id)),
    };
  }

  test(
    "a reply grows on its own page and another person's page receives none of it",
    async () => {
      const published = await twoPeople("plain");
      const ruled = await twoPeople("isolated");
      for (const { steps, shown, onOtherPage } of [published, ruled]) {
        expect({ shown, onOtherPage }).toEqual({ shown: true, onOtherPage: false });
        expect(steps).toBeGreaterThanOrEqual(3);
      }
      expect(published.foreign.filter((each) => /^(?:agent|chat) of/.test(each))).not.toEqual([]);
      expect(ruled.foreign).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "the session list shows the sessions, and a session picked from it is shown and answers",
    async () => {
      const [a, b] = await sessions("isolated", 2);
      if (!a || !b) throw new Error("no sessions");
      const ui = await person("isolated", "alice", a.key);
      await until(async () => (await ui.lists(a.key)) && (await ui.lists(b.key)), "both sessions are listed");
      await ui.screenshot("list");
      await ui.pick(b.key);
      await until(() => shows(ui, "SEED-1"), "the history of the picked session");
      await ui.say(say(b.id, 8, 50));
      await until(() => shows(ui, answer(b.id)), "the reply in the picked session");
      await ui.screenshot("switched");
      await checked("isolated", ui);
      expect(foreignFrames(ui.wire.entries)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "the stop button aborts the run and the model's answer",
    async () => {
      /** Whether the page shows in the end that nothing runs any more. */
      const stop = async (kind: Kind): Promise<boolean> => {
        const [a] = await sessions(kind, 1);
        if (!a) throw new Error("no session");
        const ui = await person(kind, "alice", a.key);
        await ui.say(say(a.id, 400, 100));
        await until(() => shows(ui, `${a.id}-5`), "a part of the reply");
        expect(await ui.running()).toBe(true);
        await ui.stop();
        expect(await beds[kind].model.waitFor(a.id, undefined, "settled")).toMatchObject({
          aborted: true,
          done: false,
        });
        const stopped = await until(
          async () => !(await ui.running()),
          "the page shows that it has stopped",
          20_000,
        ).then(
          () => true,
          () => false,
        );
        await ui.screenshot(`${kind}-stopped`);
        await checked(kind, ui);
        return stopped;
      };
      // The page of 2026.5.7 may continue to offer the stop even without the module.
      const published = await stop("plain");
      expect(await stop("isolated")).toBe(published);
      if (capabilities({ version }).showsStoppedRuns) expect(published).toBe(true);
    },
    TIMEOUT_MS,
  );

  test(
    "a page reloaded in the middle of a reply shows the whole reply",
    async () => {
      const reload = async (kind: Kind): Promise<boolean> => {
        const [a] = await sessions(kind, 1);
        if (!a) throw new Error("no session");
        const ui = await person(kind, "alice", a.key);
        await ui.say(say(a.id, RELOAD_WORDS, 150));
        await until(() => shows(ui, `${a.id}-4`), "a part of the reply");
        await ui.open(a.key);
        expect(await shows(ui, answer(a.id, RELOAD_WORDS)), "it is still in the middle").toBe(false);
        await ui.screenshot(`${kind}-reloaded`);
        const whole = until(() => shows(ui, answer(a.id, RELOAD_WORDS)), "the whole reply after a reload").then(
          () => true,
          () => false,
        );
        const shown = await whole;
        await ui.screenshot(`${kind}-recovered`);
        await checked(kind, ui);
        return shown;
      };
      expect([await reload("plain"), await reload("isolated")]).toEqual([true, true]);
    },
    TIMEOUT_MS,
  );

  test("the console shows no complaint that the control gateway does not cause", () => {
    expect([...complaints.isolated].filter((each) => !complaints.plain.has(each))).toEqual([]);
  });
});
