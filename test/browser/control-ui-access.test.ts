/** OpenClaw's own Control UI under access rules: what is denied never comes, and the page bears it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answer, freshSession, say } from "../gateway/contract.ts";
import { releaseUnderTest } from "../gateway/release-under-test.ts";
import { foreignFrames } from "../support/scene/asked-for.ts";
import { isolationRegister, openBed, type OpenBed } from "../support/gateway/bed.ts";
import { WITH_CONTROL_UI } from "../support/gateway/gateway-config.ts";
import { launchBrowser } from "../support/gateway/browser.ts";
import { type ControlUi, openControlUi } from "../support/gateway/control-ui.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { until } from "../support/gateway/watch.ts";
import type { WireEntry } from "../support/wire/wire-log.ts";
import { noControlUi } from "./control-ui-here.ts";

const version = releaseUnderTest();
const missing = noControlUi(version);
if (missing) process.stderr.write(`${missing}\n`);

/** Each browser has the sessions that begin with its device's id, and the page it starts on; the seed has all. */
const ACCESS = [
  { match: { clientId: "gateway-client" }, sessions: ["*"] },
  { match: {}, sessions: ["agent:main:main", "agent:main:{deviceId}-*"] },
];

describe.skipIf(missing !== undefined)(`the Control UI of ${version} under access rules`, () => {
  let browser: Browser;
  let bed: OpenBed;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "event-isolation-ui-"));
    const file = join(folder, "settings.json");
    await writeFile(file, JSON.stringify({ access: ACCESS }));
    const release = await ensureRelease(version);
    [browser, bed] = await Promise.all([
      launchBrowser(),
      openBed(release, {
        config: WITH_CONTROL_UI,
        preload: isolationRegister(),
        env: { OPENCLAW_EVENT_ISOLATION_CONFIG: file },
      }),
    ]);
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    await bed?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("under access rules a person's page never receives another person's session and keeps receiving its own", async () => {
    const [alice, bob] = await Promise.all([
      openControlUi(browser, bed.gateway, "alice"),
      openControlUi(browser, bed.gateway, "bob"),
    ]);
    try {
      const [a, b] = [ownSession(alice), ownSession(bob)];
      const seed = await bed.connect({ name: "seed" });
      for (const { key, id } of [a, b]) {
        const { runId } = await seed.chat(key, say(`${id}S`, 2));
        await seed.final(runId);
      }
      // Bob asks for Alice's session by its address, and stays there while she is answered.
      await Promise.all([alice.open(a.key), bob.page.goto(bob.addressOf(a.key))]);
      await until(() => Promise.resolve(isDenied(bob.wire.entries, a.key)), "Bob is denied Alice's session");
      await bob.screenshot("access-denied");
      await alice.say(say(a.id, 20, 100));
      await until(async () => (await alice.conversation()).includes(answer(a.id, 20)), "Alice's whole reply");
      await alice.screenshot("access-own");

      await bob.open(b.key);
      await bob.say(say(b.id));
      await until(async () => (await bob.conversation()).includes(answer(b.id)), "Bob's own reply");
      await bob.screenshot("access-own-after-denial");
      expect(foreignFrames(bob.wire.entries)).toEqual([]);
      expect(tells(bob.wire.entries, a)).toEqual([]);
      expect(await bob.text()).not.toContain(`${a.id}-0`);
      expect(await bob.text()).not.toMatch(/event gap/i);
      expect(tells(alice.wire.entries, a).length).toBeGreaterThan(0);
    } catch (error) {
      await alice.screenshot("FAILED-access-alice").catch(() => undefined);
      await bob.screenshot("FAILED-access-bob").catch(() => undefined);
      throw error;
    } finally {
      await Promise.all([alice.close(), bob.close()]);
    }
  }, 200_000);
});

function ownSession(ui: ControlUi): { key: string; id: string } {
  const { id } = freshSession();
  return { id, key: `agent:main:${ui.deviceId()}-${id.toLowerCase()}` };
}

/** Whether a request that names a session was denied it, or a look-up was answered like one that finds none. */
function isDenied(entries: readonly WireEntry[], key: string): boolean {
  const denied = entries.filter(({ frame, text }) => {
    const refused = frame["ok"] === false && text.includes("session-access-denied");
    return refused || (frame["payload"] as { ok?: unknown } | undefined)?.ok === false;
  });
  const ids = new Set(denied.map(({ connection, frame }) => `${connection} ${String(frame["id"])}`));
  return entries.some(
    ({ connection, from, frame, text }) =>
      from === "client" && ids.has(`${connection} ${String(frame["id"])}`) && text.includes(key),
  );
}

/** Everything from the gateway, including answers, that contains the words of a session, or its key outside the snapshots for all. */
function tells(entries: readonly WireEntry[], { key, id }: { key: string; id: string }): string[] {
  return entries
    .filter(({ from, frame, text }) => {
      if (from === "client") return false;
      const open = frame["event"] === "health" || frame["event"] === "presence" || frame["type"] === "res";
      return text.replaceAll(key, "").includes(`${id}-`) || text.includes(`${id}S-`) || (!open && text.includes(key));
    })
    .map(({ text }) => text.slice(0, 300));
}
