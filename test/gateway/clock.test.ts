/** The machine's clock is set by hours while the gateway works. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, inject, test, vi } from "vitest";
import { isolationRegister, type OpenBed, openBed } from "../support/gateway/bed.ts";
import { freePort } from "../support/gateway/gateway.ts";
import { heartbeatScene, MAIN_SESSION, type Scene } from "../support/scene/heartbeat-scene.ts";
import { errorsOf, type StateProbe, stateProbe } from "../support/gateway/state.ts";
import { answer, connect, connectByHand, expectInOrder, freshSession, say, settle, traces } from "./contract.ts";
import { writeSettings } from "./own-bed.ts";

const CLOCK = new URL("../support/fault/skewed-clock.ts", import.meta.url).href;
const MAX_DEFER_MS = 20_000;

let bed: OpenBed & Pick<StateProbe, "state">;
let scene: Scene;
let setClock: (hours: number) => Promise<string>;

beforeAll(async () => {
  const [port, { env, state }] = [await freePort(), await stateProbe([CLOCK])];
  const settings = await writeSettings({ heartbeat: { maxDeferMs: MAX_DEFER_MS } });
  const open = await openBed(inject("isolated").release, {
    preload: isolationRegister(),
    // Hours later, a heartbeat is due.
    config: { agents: { defaults: { heartbeat: { every: "30m" } } } },
    env: {
      ...env,
      OPENCLAW_TEST_CLOCK_PORT: String(port),
      OPENCLAW_EVENT_ISOLATION_CONFIG: settings.file,
    },
  });
  bed = { ...open, state };
  scene = await heartbeatScene(open, ["HEARTBEAT_OK"]);
  setClock = async (hours) =>
    (await fetch(`http://127.0.0.1:${port}/?hours=${hours}`, { signal: AbortSignal.timeout(30_000) })).text();
  return async () => {
    await bed.close();
    await settings.remove();
  };
});

test.each([6, -6, 0])(
  "replies and claims survive a clock that jumps to %i hours from the right time in the middle of replies",
  async (hours) => {
    const { gateway, state } = bed;
    const bystander = await connectByHand(gateway);
    const streams = await Promise.all(
      [1, 2].map(async () => {
        const [client, session] = [await connect(gateway), freshSession()];
        return { client, session, runId: (await client.chat(session.key, say(session.id, 60, 40))).runId };
      }),
    );
    await sleep(800);
    const shown = Date.parse(await setClock(hours));
    expect(Math.abs(shown - Date.now() - hours * 3_600_000)).toBeLessThan(60_000);
    for (const { client, session, runId } of streams) {
      await client.final(runId);
      expect(client.text(runId)).toBe(answer(session.id, 60));
      expectInOrder(client, runId);
    }
    await settle();
    for (const { session } of streams) expect(traces(bystander, session)).toEqual([]);
    await vi.waitFor(async () => expect((await state()).heartbeats!.runs).toBe(0), { timeout: 5_000, interval: 250 });
    expect(errorsOf(await state())).toEqual({});
  },
);

test.each([12, -12])(
  "a heartbeat that waits for a user's run survives a clock that jumps to %i hours from the right time",
  async (hours) => {
    const { model } = bed;
    await setClock(0);
    const calls = (): number => model.requests.filter(({ id }) => id === "HEARTBEAT").length;
    const session = freshSession();
    const { user } = scene;
    const { runId } = await user.chat(MAIN_SESSION, say(session.id, 50, 100));
    await sleep(500);
    await user.request("wake", { mode: "now", text: `EVENT ${session.id}` });
    await sleep(1_000);
    const before = calls();
    await setClock(hours);
    await user.final(runId);
    expect(user.text(runId)).toBe(answer(session.id, 50));
    const endedAt = performance.now();
    // It was deferred for the run, and then it comes: not a minute, let alone hours later.
    expect(calls()).toBe(before);
    await vi.waitFor(() => expect(calls()).toBe(before + 1), { timeout: MAX_DEFER_MS, interval: 100 });
    expect(performance.now() - endedAt).toBeLessThan(MAX_DEFER_MS);
    await vi.waitFor(async () => expect((await bed.state()).heartbeats).toMatchObject({ runs: 0, running: 0 }), {
      timeout: 10_000,
      interval: 250,
    });
  },
);
