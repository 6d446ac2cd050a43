/** Heartbeats wait for users' runs, and no longer than they may. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { isolationRegister, openBed } from "../support/gateway/bed.ts";
import { chatText } from "../support/wire/recorder.ts";
import { heartbeatScene, MAIN_SESSION } from "../support/scene/heartbeat-scene.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { wordsOf } from "../support/gateway/script.ts";
import { say } from "./contract.ts";
import { isolatedBed, settingsFile } from "./own-bed.ts";

const { release } = inject("isolated");
const { preemptsHeartbeats } = capabilities(release);

const MAX_DEFER_MS = 4_000;
/** It is asked for again every second, and the release lets it run between two of the user's runs only. */
const WITHIN_MS = MAX_DEFER_MS + 30_000;
/** A release that itself aborts heartbeats considers the agent busy for a while after each final. */
const PAUSE_MS = preemptsHeartbeats ? 2_500 : 900;

test(
  "users who never pause for the quiet time delay scheduled heartbeats by maxDeferMs and no longer",
  { timeout: 120_000 },
  async () => {
    const bed = await isolatedBed({
      config: { agents: { defaults: { heartbeat: { every: "2s" } } } },
      settings: { heartbeat: { maxDeferMs: MAX_DEFER_MS, quietMs: 60_000 } },
    });
    const user = await bed.connect({ name: "user" });
    bed.model.otherwise = () => ({ kind: "say", id: "HEARTBEAT", chunks: ["HEARTBEAT_OK"], delayMs: 0 });
    // On another session of the agent, as a run on the heartbeat's own is the release's reason to wait, too.
    const wanted = wordsOf("BUSY", 8).join("");
    let startedAt = 0;
    const converse = async (): Promise<void> => {
      const { runId } = await user.chat("agent:main:busy", say("BUSY", 8, 100));
      if (startedAt === 0) {
        startedAt = Date.now();
        await user.request("wake", { mode: "next-heartbeat", text: "EVENTX" });
      }
      expect(chatText(await user.final(runId))).toBe(wanted);
      await sleep(PAUSE_MS);
    };
    const heartbeats = (): typeof bed.model.requests =>
      bed.model.requests.filter(({ id, done }) => id === "HEARTBEAT" && done);
    /** When they came, less one that was under way at the beginning. */
    const times = (): readonly number[] =>
      heartbeats().flatMap(({ at }) => (at > startedAt + 1_000 ? [at - startedAt] : []));
    const seen = (): boolean => heartbeats().some(({ lastUserText }) => lastUserText.includes("EVENTX"));
    await converse();
    while ((times().length === 0 || !seen()) && Date.now() - startedAt < WITHIN_MS) await converse();
    expect(seen()).toBe(true);
    // Without the module one comes every two seconds.
    expect(times()[0]).toBeGreaterThan(MAX_DEFER_MS - 500);
    expect(times().length).toBeLessThanOrEqual((Date.now() - startedAt) / MAX_DEFER_MS);
  },
);

test("a deferred heartbeat is requested again about once a second", async () => {
  const config = { agents: { defaults: { heartbeat: { every: "1s" } } } };
  const env = { OPENCLAW_EVENT_ISOLATION_CONFIG: await settingsFile({ heartbeat: { quietMs: 60_000 } }) };
  const counter = join(env.OPENCLAW_EVENT_ISOLATION_CONFIG, "../counter.mjs");
  await writeFile(counter, countingPreload());
  const bed = await openBed(release, { config, env, preload: counter });
  onTestFinished(() => bed.close());
  const { user } = await heartbeatScene(bed);
  const { runId } = await user.chat(MAIN_SESSION, "[[say id=LONG n=150 delay=100]]");
  await sleep(500);
  const calls = (): number => bed.gateway.logs().split("heartbeat-called").length - 1;
  const before = calls();
  const modelCalls = bed.model.requests.filter(({ id }) => id === "HEARTBEAT").length;
  await sleep(5_000);
  expect(calls() - before).toBeLessThanOrEqual(15);
  const twice = (): void => expect(calls() - before).toBeGreaterThanOrEqual(2);
  await vi.waitFor(twice, { timeout: 8_000, interval: 500 });
  await user.final(runId);
  await sleep(3_000);
  // Quiet: the deferred ones have not come to the model.
  expect(bed.model.requests.filter(({ id }) => id === "HEARTBEAT")).toHaveLength(modelCalls);
});

/** The module, and around what it puts in the place of `runHeartbeatOnce` a line for each call. */
function countingPreload(): string {
  return `await import(${JSON.stringify(pathToFileURL(isolationRegister()).href)});
const key = Object.getOwnPropertySymbols(globalThis).find((symbol) => String(symbol).includes("attach"));
const attach = globalThis[key];
Object.defineProperty(globalThis, key, { value: (name, original) => {
  const replaced = attach(name, original);
  if (name !== "runHeartbeatOnce") return replaced;
  return (...args) => { process.stderr.write("heartbeat-called\\n"); return replaced(...args); };
} });
`;
}
