/** OpenClaw's own terminal UI works with the module as without it, except for what it had not asked for. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { answer, freshSession, say } from "../gateway/contract.ts";
import { releaseUnderTest } from "../gateway/release-under-test.ts";
import { foreignFrames } from "../support/scene/asked-for.ts";
import { isolationRegister, openBed, type OpenBed } from "../support/gateway/bed.ts";
import { ensureRelease } from "../support/gateway/release.ts";
import { noTerminal } from "../support/gateway/terminal.ts";
import { openTui, type Tui } from "../support/gateway/tui.ts";
import { until } from "../support/gateway/watch.ts";

const version = releaseUnderTest();
const missing = noTerminal();
if (missing) process.stderr.write(`${missing}\n`);

const TIMEOUT_MS = 280_000;

type Kind = "plain" | "isolated";

describe.skipIf(missing !== undefined)(`openclaw tui of ${version}`, () => {
  let beds: Record<Kind, OpenBed>;
  const opened: { tui: Tui; name: string }[] = [];
  beforeAll(async () => {
    const release = await ensureRelease(version);
    const [plain, isolated] = await Promise.all([openBed(release), openBed(release, { preload: isolationRegister() })]);
    beds = { plain, isolated };
  }, 240_000);
  afterAll(() => Promise.all(Object.values(beds ?? {}).map((bed) => bed.close())));
  afterEach(async ({ task }) => {
    for (const { tui, name } of opened.splice(0)) {
      await tui.shot(task.result?.state === "fail" ? `FAILED-${name}` : name);
      await tui.close();
    }
  });

  async function start(kind: Kind, name: string, sessionKey: string): Promise<Tui> {
    const tui = await openTui(beds[kind].gateway, sessionKey);
    opened.push({ tui, name: `${kind}-${name}` });
    return tui;
  }

  const shows = async (tui: Tui, text: string): Promise<boolean> =>
    unwrapped(await tui.screen()).includes(unwrapped(text));

  async function twoPeople(kind: Kind) {
    const [a, b] = [freshSession("tui"), freshSession("tui")];
    const [alice, bob] = await Promise.all([start(kind, "alice", a.key), start(kind, "bob", b.key)]);
    alice.say(say(a.id, 12, 100));
    await until(() => shows(alice, answer(a.id, 12)), "Alice's reply on her screen");
    bob.say(say(b.id, 4));
    await until(() => shows(bob, answer(b.id, 4)), "Bob's reply on his screen");
    await sleep(500);
    const foreign = foreignFrames(bob.wire.entries).filter(({ key }) => key === a.key);
    return { onBobsScreen: await shows(bob, a.id), foreign: [...new Set(foreign.map(({ event }) => event))] };
  }

  test(
    "the TUI shows its own reply and another person's terminal receives none of it",
    async () => {
      const published = await twoPeople("plain");
      const ruled = await twoPeople("isolated");
      expect(published.foreign).toContain("agent");
      expect(published.onBobsScreen).toBe(false);
      expect(ruled).toEqual({ onBobsScreen: false, foreign: [] });
    },
    TIMEOUT_MS,
  );

  test(
    "Escape aborts the run in the TUI, and the next message is answered",
    async () => {
      const { key, id } = freshSession("tui");
      const tui = await start("isolated", "aborted", key);
      tui.say(say(id, 400, 100));
      await until(() => shows(tui, `${id}-5`), "a part of the reply");
      tui.abort();
      expect(await beds.isolated.model.waitFor(id, undefined, "settled")).toMatchObject({ aborted: true, done: false });
      await sleep(1000);
      tui.say(say(`${id}N`, 4));
      await until(() => shows(tui, answer(`${id}N`, 4)), "the answer to the next message");
    },
    TIMEOUT_MS,
  );

  test(
    "the TUI returns to its session after a lost connection, and Ctrl-C ends it",
    async () => {
      const [own, other] = [freshSession("tui"), freshSession("tui")];
      const tui = await start("isolated", "reconnected", own.key);
      tui.say(say(own.id, 4));
      await until(() => shows(tui, answer(own.id, 4)), "the first reply");
      tui.cut();
      await until(() => Promise.resolve(openedTwice(tui, own.key)), "it has come back to its session");
      const stranger = await beds.isolated.connect({ name: "stranger" });
      await stranger.final((await stranger.chat(other.key, say(other.id, 4))).runId);
      await stranger.close();
      tui.say(say(`${own.id}R`, 4));
      await until(() => shows(tui, answer(`${own.id}R`, 4)), "the reply on the new connection");
      expect(foreignFrames(tui.wire.entries)).toEqual([]);
      expect(await shows(tui, other.id)).toBe(false);
      expect(await tui.quit()).toBe(0);
    },
    TIMEOUT_MS,
  );
});

/** Whether it has asked for its session on two connections, and been answered on the second. */
function openedTwice({ wire }: Tui, key: string): boolean {
  const asked = wire.entries.filter(({ frame }) => frame["method"] === "chat.history");
  const [first, last] = [asked.at(0), asked.at(-1)];
  return (
    first?.connection !== last?.connection &&
    last?.text.includes(key) === true &&
    wire.entries.some(
      ({ connection, frame }) =>
        connection === last.connection && frame["id"] === last.frame["id"] && frame["ok"] === true,
    )
  );
}

/** A line of the screen ends anywhere. */
function unwrapped(text: string): string {
  return text.replaceAll(/\s/g, "");
}
