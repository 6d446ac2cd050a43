/**
 * The rows say whose command ended, and what kept a model from seeing its output: on the control gateway it never does,
 * or late. The module leaves alone what a release itself does right.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { capabilities } from "../support/gateway/capabilities.ts";
import type { Config } from "../support/gateway/gateway-config.ts";
import { freePort } from "../support/gateway/gateway.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import type { Script } from "../support/gateway/script.ts";
import {
  type CompletionBed,
  fateOfOutput,
  leaveByCron,
  openCompletionBed,
  raised,
  requestsWith,
  work,
  type Work,
} from "../support/scene/completions.ts";
import { postHook, wakeConfig } from "../support/scene/wake-scene.ts";
import { runCronJob, until } from "../support/scene/cron-scene.ts";

const { release } = inject("isolated");
const does = capabilities(release);

const SEEN_MS = 70_000;
const STRANDED_MS = 8_000;
/** After a run, until its session is free. */
const SETTLED_MS = 1_500;
const HOUR_MS = 3_600_000;
const CLOCK = new URL("../support/fault/skewed-clock.ts", import.meta.url).href;
/** Longer than 2026.5 leaves a session alone after a reply that it remembers. */
const REMEMBERED_MS = 32_000;

/** The control gateway and the one with the module. */
async function openBoth(config: Config): Promise<[CompletionBed, CompletionBed]> {
  const open = (isolated: boolean): Promise<CompletionBed> => openCompletionBed({ release, isolated, config });
  return Promise.all([open(false), open(true)]);
}

/** Leaves a command behind on both, and says where its output got to. */
async function fates(
  [published, ours]: readonly [CompletionBed, CompletionBed],
  leave: (bed: CompletionBed) => Promise<Work>,
): Promise<{ published: string; ours: string; requests: number }> {
  const [left, own] = await Promise.all([leave(published), leave(ours)]);
  await Promise.all([raised(published, left), raised(ours, own)]);
  const [before, after] = await Promise.all([
    fateOfOutput(published, left, STRANDED_MS),
    fateOfOutput(ours, own, SEEN_MS),
  ]);
  return { published: before, ours: after, requests: requestsWith(ours, own.output) };
}

const ONCE = { requests: 1 };
const PATIENT = { timeout: 400_000 };

describe.runIf(does.bootsFast)("where no wake names a session", PATIENT, () => {
  test("the output of a chat session's command reaches that session, and that of a webhook's run the main session", async () => {
    const both = await openBoth(wakeConfig(release, {}));
    for (const bed of both) onTestFinished(() => bed.close());
    const chat = await fates(both, async (bed) => {
      const left = work();
      await bed.admin.chat("agent:main:web:a", left.order);
      return left;
    });
    expect(chat).toEqual({ published: "waits agent:main:web:a", ours: "seen agent:main:web:a", ...ONCE });

    const hook = await fates(both, async (bed) => {
      const left = work();
      await postHook(bed.gateway.port, "agent", { message: left.order, deliver: false });
      return left;
    });
    expect(hook).toMatchObject({ ours: "seen agent:main:main", ...ONCE });
    expect(hook.published).toMatch(/^waits agent:main:hook:/);
  });
});

describe.runIf(does.bootsFast)("when a heartbeat fails before its model call", PATIENT, () => {
  test("the output of a command waits, with one warning, and comes with the session's next message", async () => {
    // A model that the gateway does not know.
    const both = await openBoth({ agents: { defaults: { heartbeat: { model: "nowhere/none" } } } });
    for (const bed of both) onTestFinished(() => bed.close());
    const said = await Promise.all(
      both.map(async (bed, isolated) => {
        const left = work();
        await say(bed, WEB, left.order);
        await raised(bed, left);
        const warnings = (): number => bed.gateway.logs().split("no heartbeat of agent main took").length - 1;
        if (isolated) await until(() => (warnings() > 0 ? true : undefined), SEEN_MS, "the warning");
        await sleep(STRANDED_MS);
        const before = await fateOfOutput(bed, left, 0);
        await say(bed, WEB, "[[say id=NEXT n=1]]");
        return { before, after: await fateOfOutput(bed, left, STRANDED_MS), warnings: warnings() };
      }),
    );
    const fate = { before: `waits ${WEB}`, after: `seen ${WEB}` };
    expect(said).toEqual([
      { ...fate, warnings: 0 },
      { ...fate, warnings: 1 },
    ]);
  });
});

describe.runIf(does.bootsFast)("during a run of the main session", PATIENT, () => {
  test("a message that waits for the run's end takes no event out of the queue that its model does not get", async () => {
    const both = await openBoth({});
    const seen = await Promise.all(
      both.map(async (bed) => {
        const { admin, model } = bed;
        const long = await admin.chat("agent:main:main", "[[say id=LONG n=100 delay=100]]");
        await model.waitFor("LONG", PATIENCE_MS);
        const left = await leaveByCron(bed);
        await raised(bed, left);
        await admin.request("system-event", { text: "EVENT-IN-A-RUN" });
        await admin.chat("agent:main:main", "[[say id=QUEUED n=2 delay=25]]");
        await admin.final(long.runId, PATIENCE_MS);
        await model.waitFor("QUEUED", PATIENCE_MS);
        await sleep(SETTLED_MS);
        const last = await admin.chat("agent:main:main", "[[say id=LAST n=2 delay=25]]");
        await admin.final(last.runId, PATIENCE_MS);
        return { event: requestsWith(bed, "EVENT-IN-A-RUN"), output: await fateOfOutput(bed, left, STRANDED_MS) };
      }),
    );
    expect(seen).toEqual([
      { event: 0, output: expect.stringMatching(/^waits agent:main:cron:/) as unknown },
      { event: 1, output: "seen agent:main:main" },
    ]);
  });
});

describe.runIf(does.bootsFast)("when a session is deleted while its command runs", PATIENT, () => {
  test("the end of the command does not bring the session back, and the log says so", async () => {
    const both = await openBoth({});
    for (const bed of both) onTestFinished(() => bed.close());
    const found = await Promise.all(
      both.map(async (bed) => {
        const left = work(5);
        await say(bed, WEB, left.order);
        await bed.admin.request("sessions.delete", { key: WEB });
        await raised(bed, left);
        const fate = await fateOfOutput(bed, left, STRANDED_MS);
        const { sessions } = await bed.admin.request("sessions.list", {});
        const keys = (sessions as { key: string }[]).map(({ key }) => key);
        const warned = bed.gateway.logs().includes("took 1 event(s) of one of its sessions (session deleted)");
        return { fate, exists: keys.includes(WEB), warned };
      }),
    );
    const gone = { fate: `waits ${WEB}`, exists: false };
    expect(found).toEqual([
      { ...gone, warned: false },
      { ...gone, warned: true },
    ]);
  });
});

const MAIN = "agent:main:main";
const WEB = "agent:main:web:a";

/** Sends a message and waits for its answer. */
async function say({ admin }: CompletionBed, sessionKey: string, message: string): Promise<void> {
  const { runId } = await admin.chat(sessionKey, message);
  await admin.final(runId, PATIENCE_MS);
}

/** Hours that begin in a quarter of an hour: it is quiet now. */
function soon(): object {
  const at = (hours: number): string => new Date(Date.now() + hours * HOUR_MS).toISOString().slice(11, 16);
  return { start: at(0.25), end: at(5), timezone: "UTC" };
}

describe.runIf(does.bootsFast)("in quiet hours", PATIENT, () => {
  test("the commands of a cron run push none of the main session's own out of its queue, and none is lost", async () => {
    const both = await openBoth({ agents: { defaults: { heartbeat: { activeHours: soon() } } } });
    for (const bed of both) onTestFinished(() => bed.close());
    const seen = await Promise.all(
      both.map(async (bed) => {
        const own = work();
        await say(bed, MAIN, own.order);
        await raised(bed, own);
        await runCronJob(bed, `[[tool id=MANY cmd="sleep 1; echo MANY-@-$((40+2))" times=20 background n=1]]`);
        await sleep(STRANDED_MS);
        const outputs = async (): Promise<number> => {
          await say(bed, MAIN, "[[say id=NEXT n=1]]");
          await sleep(2_000);
          return Array.from({ length: 20 }, (_, index) => requestsWith(bed, `MANY-${index}-42`)).filter(Boolean).length;
        };
        const first = await outputs();
        return { own: requestsWith(bed, own.output), first, all: [await outputs(), await outputs()].at(-1) };
      }),
    );
    expect(seen).toEqual([
      { own: 1, first: 0, all: 0 },
      { own: 1, first: 9, all: 20 },
    ]);
    expect(both[1].gateway.logs()).not.toContain("queue of system events was full");
  });

  test("a completion in quiet hours is kept without a word, and seen at their end", async () => {
    const port = await freePort();
    const activeHours = soon();
    const bed = await openCompletionBed({
      release,
      isolated: true,
      config: {
        agents: {
          list: [
            { id: "main", default: true },
            { id: "ops", heartbeat: { activeHours } },
          ],
        },
      },
      env: { OPENCLAW_TEST_CLOCK_PORT: String(port) },
      preloads: [CLOCK],
    });
    onTestFinished(() => bed.close());
    const left = await leaveByCron(bed, "ops");
    await raised(bed, left);
    expect(await fateOfOutput(bed, left, STRANDED_MS)).toBe("waits agent:ops:main");
    // Not as late as the job's own time.
    await fetch(`http://127.0.0.1:${port}/?hours=0.5`);
    // The module tries again each minute.
    expect(await fateOfOutput(bed, left, 2 * SEEN_MS)).toBe("seen agent:ops:main");
    expect(requestsWith(bed, left.output)).toBe(1);
    expect(bed.gateway.logs()).not.toContain("no heartbeat of agent");
  });
});

describe("in quiet hours that never end", PATIENT, () => {
  test("a completion is seen all the same, or stays in its queue, and the log says for which agent and why", async () => {
    const list = [
      { id: "main", default: true },
      { id: "ops", heartbeat: { activeHours: { start: "08:00", end: "08:00", timezone: "UTC" } } },
    ];
    const both = await openBoth({ agents: { list } });
    for (const bed of both) onTestFinished(() => bed.close());
    const { ours } = await fates(both, (bed) => leaveByCron(bed, "ops"));
    const lines = both[1].gateway.logs().split("\n");
    const warnings = lines.filter((line) => line.includes("no heartbeat of agent ops took 1 event(s)"));
    if (does.takesEmptyHoursForAll || does.runsCompletionsInQuietHours) {
      return expect({ ours, warnings }).toEqual({ ours: "seen agent:ops:main", warnings: [] });
    }
    expect(ours).toBe("waits agent:ops:main");
    // From 2026.8 on wakes are the release's alone, and only doctor warns of such hours.
    expect(warnings).toEqual(does.wakesReachSessions ? [] : [expect.stringContaining("(quiet-hours)")]);
  });
});

// Releases that keep a wake which they cannot have now do all of this by themselves.
describe.runIf(does.wakesMayNameSessions && !does.wakesReachSessions)("where a wake may be dropped", PATIENT, () => {
  let both: readonly [CompletionBed, CompletionBed];

  beforeAll(async () => {
    const list = [
      { id: "main", default: true, heartbeat: { isolatedSession: true } },
      { id: "ops", heartbeat: {} },
    ];
    both = await openBoth({ agents: { list } });
    return () => Promise.all(both.map((bed) => bed.close()));
  });

  test("a message on main neither aborts a heartbeat with a session of its own nor waits for it", async () => {
    const [published, ours] = await Promise.all(both.map(messageBesideHeartbeat));
    expect([published!.aborted, ours!.aborted]).toEqual([false, false]);
    // 2026.7.1 gives its event to two heartbeats, without the module too.
    expect(ours!.requests).toBeGreaterThan(0);
    expect(ours!.requests).toBeLessThanOrEqual(published!.requests);
    expect(ours!.tookMs).toBeLessThan(published!.tookMs + 3_000);
  });

  test("each completion is seen once, after a heartbeat that answered real text and right after another one", async () => {
    for (const { model } of both) model.otherwise = () => says("Build finished.");
    const fatesInTurn = [];
    for (const pauseMs of [0, REMEMBERED_MS, 0]) {
      await sleep(pauseMs);
      fatesInTurn.push(await fates(both, (bed) => leaveByCron(bed, "ops")));
    }
    const seen = { ours: "seen agent:ops:main", ...ONCE };
    expect(fatesInTurn).toMatchObject([seen, seen, seen]);
    // Without the module, not all are seen, or not in the agent's session.
    expect(fatesInTurn.map((each) => each.published)).not.toEqual([seen.ours, seen.ours, seen.ours]);
  });
});

function says(...chunks: string[]): Script {
  return { kind: "say", id: "BEAT", chunks, delayMs: 100 };
}

/** A message on main while a heartbeat is with its model for eight seconds. */
async function messageBesideHeartbeat({ model, admin }: CompletionBed) {
  await admin.chat("agent:main:main", "[[say id=WARM n=1]]");
  await model.waitFor("WARM", PATIENCE_MS, "settled");
  // A session that has just been talked in has no heartbeat for a while.
  await sleep(2_000);
  model.otherwise = () => says("HEARTBEAT_OK", ...Array.from({ length: 79 }, () => ""));
  await admin.request("wake", { mode: "now", text: "look around" });
  const beat = await model.waitFor("BEAT");
  await sleep(1_000);
  const sentAt = Date.now();
  const { runId } = await admin.chat("agent:main:main", "[[say id=USER n=2 delay=10]]");
  await admin.final(runId);
  const tookMs = Date.now() - sentAt;
  await until(() => (beat.done || beat.aborted ? true : undefined), PATIENCE_MS, "the heartbeat's end");
  await sleep(5_000);
  return { aborted: beat.aborted, requests: model.requests.filter(({ id }) => id === "BEAT").length, tookMs };
}
