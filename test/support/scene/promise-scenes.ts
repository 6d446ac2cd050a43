/**
 * Short scenes that say, of one gateway, which of the promises of `src/report/promises.ts` hold. They are the same
 * on a release without the module and with it, and judge by content.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isExcused } from "../../../src/report/excuses.ts";
import type { Outcome } from "../../../src/report/promises.ts";
import { secretFinder } from "../../../src/report/secrets.ts";
import { type Bed, isolationRegister, withBed } from "../gateway/bed.ts";
import type { Release } from "../gateway/release.ts";
import { wordsOf } from "../gateway/script.ts";
import { writeSettings } from "../gateway/settings-file.ts";
import type { Client } from "../wire/clients.ts";
import { field, isFinal } from "../wire/recorder.ts";
import { followCronEvent, openCronBed, type CronBed } from "./cron-scene.ts";
import { type Gap, heartbeatScene, HEARTBEATS_ON, isWhole, MAIN_SESSION, type Scene } from "./heartbeat-scene.ts";
import { answerTo, fateOf, openWakeBed, type Send, type WakeBed } from "./wake-scene.ts";

/** Notes what a check has shown. */
type Note = (check: string, outcome: Outcome) => void;

export interface Stage {
  readonly name: string;
  /** The checks that it notes, see `src/report/promises.ts`. */
  readonly checks: readonly string[];
  /** Boots a gateway of its own, plays its scene and notes every check. */
  play(release: Release, isolated: boolean, note: Note): Promise<void>;
}

/** A run ends within this, also the first of a gateway on a busy machine. */
const RUN_MS = 150_000;
/** A message that was not answered by then is lost. */
const LOST_MS = 20_000;
/** An event that no model has seen by then waits, or is lost. */
const REACHED_MS = 90_000;
/** After the last expected frame: how long a leak may take to show itself. */
const STRAY_MS = 700;
/** 2026.5 answers a message that follows a final at once with an empty one, module or not. */
const BETWEEN_MS = 500;

/** Without what is another each time. */
const no = (note: string): Outcome =>
  note
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "…")
    .slice(0, 160);

const ROUNDS: readonly (readonly [gap: Gap, check: string])[] = [
  ["mid", "follow-up in a heartbeat"],
  [100, "follow-up at 0.1 s"],
  [300, "follow-up at 0.3 s"],
  [900, "follow-up at 0.9 s"],
  [2000, "follow-up at 2 s"],
];

/** Clients and their runs: who gets what, numbers, abort, reconnect, and messages during heartbeats. */
const conversations: Stage = {
  name: "conversations",
  checks: [
    "isolation",
    "sequence numbers",
    "abort",
    "reconnect",
    ...ROUNDS.map(([, check]) => check),
    "second follow-up in a row",
    "heartbeat after",
    "log of conversations",
  ],
  play: (release, isolated, note) =>
    withBed(release, { config: HEARTBEATS_ON, ...(isolated ? { preload: isolationRegister() } : {}) }, async (bed) => {
      const scene = await heartbeatScene(bed);
      const [alice, bob] = [await bed.connect({ name: "alice" }), await bed.connect({ name: "bob" })];
      const idle = await bed.connectRaw({ name: "idle", scopes: ["operator.read"] });
      await Promise.all([answered(alice, ALICE, "ALICE1"), answered(bob, BOB, "BOB1")]);
      await noting(note, "abort", () => aborted(bed, alice));
      await noting(note, "reconnect", () => comesBack(bed));
      await besideHeartbeats(scene, note);
      await noting(note, "heartbeat after", () => heartbeatEnds(bed, scene));
      await sleep(STRAY_MS);
      const clients = [alice, bob, idle, scene.user, scene.bystander];
      note("isolation", isolation(alice, bob, idle, scene));
      const uneven = clients.filter((client) => client.gaps() + client.repeats() > 0);
      note(
        "sequence numbers",
        uneven.length === 0
          ? true
          : no(uneven.map((one) => `${one.name}: ${one.gaps()} gaps, ${one.repeats()} repeats`).join("; ")),
      );
      note("log of conversations", ofLog(bed.gateway.logs()));
    }),
};

const ALICE = "agent:main:matrix-alice";
const BOB = "agent:main:matrix-bob";
const CAROL = "agent:main:matrix-carol";

/** The first run of a gateway takes longest. */
async function warmed(bed: CronBed): Promise<void> {
  const { runId } = await bed.admin.chat(ALICE, "[[say id=WARM n=2 delay=25]]");
  await bed.admin.final(runId, RUN_MS);
}

async function answered(client: Client, key: string, id: string): Promise<void> {
  const { runId } = await client.chat(key, `[[say id=${id} n=8 delay=25]]`);
  await client.final(runId, RUN_MS);
  if (client.text(runId) !== wordsOf(id, 8).join("")) throw new Error(`${id}: answered "${client.text(runId)}"`);
  await sleep(BETWEEN_MS);
}

async function aborted({ model }: Bed, alice: Client): Promise<Outcome> {
  const { runId } = await alice.chat(ALICE, "[[say id=LONG n=200 delay=50]]");
  await model.waitFor("LONG", RUN_MS);
  await sleep(300);
  await alice.request("chat.abort", { sessionKey: ALICE, runId });
  const end = field(await alice.final(runId, LOST_MS), "state");
  if (end !== "aborted") return no(`the run ended as ${String(end)}`);
  if (!(await model.waitFor("LONG", LOST_MS, "settled")).aborted) return no("the model was not told");
  await sleep(BETWEEN_MS);
  await answered(alice, ALICE, "ALICE2");
  return true;
}

/** Carol loses her connection in a run and comes back. */
async function comesBack(bed: Bed): Promise<Outcome> {
  const before = await bed.connectRaw({ name: "carol" });
  const { runId } = await before.chat(CAROL, "[[say id=CAROL n=30 delay=100]]");
  await bed.model.waitFor("CAROL", RUN_MS);
  await sleep(300);
  before.kill();
  const after = await bed.connectRaw({ name: "carol again" });
  await after.request("chat.history", { sessionKey: CAROL });
  await after.final(runId, LOST_MS);
  return after.text(runId) === wordsOf("CAROL", 30).join("") ? true : no(`the end said "${after.text(runId)}"`);
}

async function besideHeartbeats(scene: Scene, note: Note): Promise<void> {
  for (const [gap, check] of ROUNDS) {
    await noting(note, check, async () => {
      const round = await scene.round(gap, { chunks: 8, settleMs: gap === 300 ? 0 : 1_200 });
      if (isWhole(round)) return true;
      const end = round.finals === 0 ? "no final" : round.text === "" ? "an empty final" : `"${round.text}"`;
      return no(`${end}${round.under === "other" ? ", the text came elsewhere" : ""}; ${round.heartbeats} heartbeats`);
    });
    if (gap !== 300) continue;
    await noting(note, "second follow-up in a row", async () => {
      await sleep(300);
      const { runId } = await scene.user.chat(MAIN_SESSION, "[[say id=SECOND n=6 delay=50]]");
      await scene.user.final(runId, LOST_MS);
      const text = scene.user.text(runId);
      const finals = scene.user.frames.filter((frame) => isFinal(frame, runId)).length;
      return text === wordsOf("SECOND", 6).join("") && finals === 1 ? true : no(`${finals} finals, "${text}"`);
    });
    await sleep(1_200);
  }
}

/** It is asked for more than once: a flood guard drops wakes while it counts the heartbeats of the last minute. */
const ASK_AGAIN_MS = 20_000;

/** An aborted heartbeat comes back, or a new one comes when it is asked for. */
async function heartbeatEnds({ model }: Bed, { user }: Scene): Promise<Outcome> {
  const since = Date.now();
  const over = (): boolean => model.requests.some(({ id, done, at }) => id === "HEARTBEAT" && done && at >= since);
  for (let asked = 0; !over(); await sleep(200)) {
    const elapsed = Date.now() - since;
    if (elapsed > 90_000) return no("no heartbeat ended within 90 s");
    if (elapsed < asked * ASK_AGAIN_MS) continue;
    asked += 1;
    await user.request("wake", { mode: "now", text: `AFTERWARDS${asked}` });
  }
  await sleep(STRAY_MS);
  return true;
}

/** More than a process has rounds: the scene of heartbeats counts on. */
const NUMBERS = Array.from({ length: 999 }, (_, n) => n + 1);

/** The secrets of each session at those who did not ask for it. */
function isolation(alice: Client, bob: Client, idle: Client, { user, bystander }: Scene): Outcome {
  const secrets = {
    alice: secret(0, ALICE, "ALICE1-", "ALICE2-", "LONG-"),
    bob: secret(1, BOB, "BOB1-"),
    carol: secret(2, CAROL, "CAROL-"),
    // Its key follows from the configuration, and its status is for everybody.
    main: secret(3, "", "SECOND-", ...NUMBERS.flatMap((n) => [`USER${n}-`, `NEXT${n}-`, `ALERT${n}`])),
  };
  const { alice: a, bob: b, carol: c, main: m } = secrets;
  const foreign = [
    ...leaks(alice, [...b, ...c, ...m]),
    ...leaks(bob, [...a, ...c, ...m]),
    ...leaks(idle, [...a, ...b, ...c, ...m]),
    ...leaks(bystander, [...a, ...b, ...c, ...m]),
    ...leaks(user, [...a, ...b, ...c]),
  ];
  if (foreign.length === 0) return true;
  const events = [...Map.groupBy(foreign, (event) => event)].map(([event, some]) => `${some.length} ${event}`);
  return no(`foreign frames: ${events.join(", ")}`);
}

type Secret = { readonly session: number; readonly kind: "session key" | "text"; readonly text: string };

function secret(session: number, key: string, ...texts: readonly string[]): Secret[] {
  return [
    ...(key === "" ? [] : [{ session, kind: "session key", text: key } as const]),
    ...texts.map((text) => ({ session, kind: "text", text }) as const),
  ];
}

function leaks(client: Client, secrets: readonly Secret[]): string[] {
  const finder = secretFinder(secrets);
  return client.frames
    .filter(
      ({ event, json }) =>
        finder.inText(json).size > 0 && finder.inValue(JSON.parse(json)).some((trace) => !isExcused(event, trace)),
    )
    .map(({ event }) => event);
}

/** Each to a session of its own; they share the flood guard of the agent. */
const WAKES: readonly (readonly [check: string, send: (key: string) => Send, key: string])[] = [
  [
    "wake now",
    (sessionKey) => (bed, text) => bed.admin.request("wake", { mode: "now", text, sessionKey }),
    "agent:ops:now",
  ],
  [
    "wake next-heartbeat",
    (sessionKey) => (bed, text) => bed.admin.request("wake", { mode: "next-heartbeat", text, sessionKey }),
    "agent:ops:next",
  ],
  [
    "system-event",
    (sessionKey) => (bed, text) => bed.admin.request("system-event", { text, sessionKey }),
    "agent:ops:event",
  ],
  ["webhook", (sessionKey) => (bed, text) => bed.hook("wake", { text, sessionKey, mode: "now" }), "agent:ops:hooked"],
];

/** Cron completions and wakes that name a session. */
const events: Stage = {
  name: "events",
  checks: ["cron", "cron after a heartbeat", ...WAKES.map(([check]) => check), "log of events"],
  async play(release, isolated, note) {
    const rules = { allowRequestSessionKey: true };
    // Up to 2026.2.9 the rules are settings of the module; a release without the module does not read them.
    const settings = await writeSettings({ hooks: rules });
    const env = { OPENCLAW_EVENT_ISOLATION_CONFIG: settings.file };
    const bed = await openWakeBed({ release, isolated, rules, env });
    try {
      await warmed(bed);
      await noting(note, "cron", () => completion(bed, ["agent:main:main"]));
      await noting(note, "cron after a heartbeat", () => completion(bed, ["agent:main:main"], true));
      const sent = WAKES.map(async ([check, send, key], index) => {
        await noting(note, check, () => reaches(bed, send(key), key, `TARGET${index}X`));
      });
      await Promise.all(sent);
      note("log of events", ofLog(bed.gateway.logs()));
    } finally {
      await bed.close();
      await settings.remove();
    }
  },
};

async function reaches(bed: WakeBed, send: Send, key: string, text: string): Promise<Outcome> {
  const answer = await answerTo(send(bed, text));
  // The wakes of an agent take turns, and on some releases each of its heartbeats takes 20 s.
  const fate = await fateOf(bed, text, answer === "ok" ? REACHED_MS : 1_000);
  return fate === `seen ${key}` ? true : no(`${answer}, ${fate}`);
}

/** `session.scope: "global"`: the completion of a cron run. */
const global: Stage = {
  name: "scope global",
  checks: ["cron, scope global", "log of scope global"],
  async play(release, isolated, note) {
    const bed = await openCronBed({ release, isolated, scope: "global" });
    try {
      await warmed(bed);
      await noting(note, "cron, scope global", () => completion(bed, ["global", "agent:main:global"]));
      note("log of scope global", ofLog(bed.gateway.logs()));
    } finally {
      await bed.close();
    }
  },
};

async function completion(bed: CronBed, right: readonly string[], prewake = false): Promise<Outcome> {
  const { waitingUnder, drainedFrom, heartbeats } = await followCronEvent(bed, { prewake });
  if (drainedFrom.length === 0) return no(`lost, it waits under ${waitingUnder.join(", ") || "nothing"}`);
  if (!drainedFrom.every((key) => right.includes(key))) return no(`drained from ${drainedFrom.join(", ")}`);
  return heartbeats > 0 ? true : no("taken, but no model was asked");
}

const COMPLAINTS = /LaneTaskTimeout|SessionTakeover|unhandled|uncaught|event isolation.*(?:error|failed)/i;

function ofLog(log: string): Outcome {
  const lines = log.split("\n").filter((line) => COMPLAINTS.test(line));
  return lines.length === 0 ? true : no(`${lines.length} lines, the first: ${lines[0]}`);
}

/** A failure in a check counts against it; the next check continues. */
async function noting(note: Note, check: string, play: () => Promise<Outcome>): Promise<void> {
  note(check, await play().catch((error: unknown) => no((error as Error).message)));
}

export const STAGES: readonly Stage[] = [conversations, events, global];
