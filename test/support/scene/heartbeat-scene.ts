/** A user's run, a wake in it, and a rapid follow-up: the outcome of the follow-up's reply. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bed, BedOptions } from "../gateway/bed.ts";
import type { Client } from "../wire/clients.ts";
import { chatText, field, isFinal } from "../wire/recorder.ts";
import { capabilities } from "../gateway/capabilities.ts";
import type { Release } from "../gateway/release.ts";
import { wordsOf } from "../gateway/script.ts";

export const MAIN_SESSION = "agent:main:main";

/** Milliseconds after the user's final, or as soon as the heartbeat's model call is under way. */
export type Gap = number | "mid";

export const GAPS: readonly Gap[] = [100, 300, 900, 2000, "mid"];

/** Heartbeats on. From 2026.5 on the first comes at a random time within the interval: hardly ever in a scene. */
export const HEARTBEATS_ON: BedOptions["config"] = { agents: { defaults: { heartbeat: { every: "24h" } } } };

/** The key under which a release configures what of heartbeats is shown: `channels.defaults.<key>`. */
export function visibilityKey(release: Release): string {
  return capabilities(release).hasHeartbeatVisibility ? "heartbeatVisibility" : "heartbeat";
}

const FOLLOW_UP_WORDS = 6;
const MID_MS = 150;

export interface Round {
  readonly gap: Gap;
  readonly text: string;
  readonly wanted: string;
  /** `own`, `other` (the text came as chat of another run), or `none`. */
  readonly under: "own" | "other" | "none";
  /** Finals under the follow-up's own run id. */
  readonly finals: number;
  readonly latencyMs: number | undefined;
  /** Until the gateway answered the request itself: a request that is held is answered late. */
  readonly acceptedMs: number;
  /** Frames at the bystander that hold anything of the conversation, by event name. */
  readonly bystander: readonly string[];
  /** `heartbeat` events at the bystander that carry a preview. */
  readonly previews: number;
  /** Model calls of heartbeats in this round. */
  readonly heartbeats: number;
}

export interface Pace {
  /** Chunks of the first message's answer, 100 ms each. */
  readonly chunks?: number;
  /** How long a swallowed reply may take to show itself elsewhere. */
  readonly settleMs?: number;
}

/** A user's message, from its acceptance until its reply was there. */
export interface Turn {
  readonly runId: string;
  readonly from: number;
  readonly to: number;
}

export interface Scene {
  readonly turns: readonly Turn[];
  round(gap: Gap, pace?: Pace): Promise<Round>;
  /** Waits until a heartbeat's model call is under way. */
  heartbeatCall(timeoutMs: number): Promise<boolean>;
  readonly user: Client;
  readonly bystander: Client;
}

let serial = 0;

/**
 * Connects a user and a read-only bystander. Heartbeats take 1.2 s to answer.
 *
 * @param answers what heartbeats answer, in turn; `ALERT` gets a number, since upstream suppresses repeated alerts
 */
export async function heartbeatScene(bed: Bed, answers: readonly string[] = ["ALERT"]): Promise<Scene> {
  const { model } = bed;
  let heartbeats = 0;
  model.otherwise = () => {
    const answer = answers[heartbeats % answers.length]!;
    heartbeats += 1;
    const alert = answer === "ALERT";
    // An ack has to stay one: nothing visible after it.
    const chunks = [alert ? `ALERT${heartbeats}` : answer, ...Array.from({ length: 11 }, () => (alert ? " ." : ""))];
    return { kind: "say", id: "HEARTBEAT", chunks, delayMs: 100 };
  };
  const turns: Turn[] = [];
  const user = await bed.connect({ name: "user" });
  const bystander = await bed.connectRaw({ name: "bystander", scopes: ["operator.read"] });
  const calls = (): number => model.requests.filter(({ id }) => id === "HEARTBEAT").length;

  async function heartbeatCall(timeoutMs: number): Promise<boolean> {
    const before = calls();
    const running = (): boolean =>
      model.requests.some(({ id, done, aborted }) => id === "HEARTBEAT" && !done && !aborted);
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await sleep(10)) {
      if (running() || calls() > before) return true;
    }
    return false;
  }

  async function round(gap: Gap, { chunks = 18, settleMs = 4_000 }: Pace = {}): Promise<Round> {
    serial += 1;
    const [first, second] = [`USER${serial}`, `NEXT${serial}`];
    const wanted = wordsOf(second, FOLLOW_UP_WORDS).join("");
    const callsBefore = calls();
    const seenBefore = bystander.frames.length;
    const { runId: earlier } = await user.chat(MAIN_SESSION, `[[say id=${first} n=${chunks} delay=100]]`);
    const from = Date.now();
    await sleep(Math.min(700, chunks * 50));
    await user.request("wake", { mode: "now", text: `EVENT${serial}` });
    turns.push({ runId: earlier, from, to: (await user.final(earlier, 60_000)).at });
    if (gap === "mid") {
      await heartbeatCall(10_000);
      await sleep(MID_MS);
    } else {
      await sleep(gap);
    }
    const sentAt = Date.now();
    const { runId } = await user.chat(MAIN_SESSION, `[[say id=${second} n=${FOLLOW_UP_WORDS} delay=50]]`);
    const acceptedMs = Date.now() - sentAt;
    const final = await user.final(runId, 20_000).catch(() => undefined);
    // A reply that was swallowed comes late, under another run id or as a preview.
    await sleep(settleMs);
    const elsewhere = user.frames.some(
      (frame) => frame.event === "chat" && field(frame, "runId") !== runId && frame.json.includes(`${second}-`),
    );
    const text = chatText(final);
    // A reply that was emptied is still owed.
    const reply = user.frames.find((frame) => frame.event === "chat" && frame.json.includes(wanted));
    turns.push({ runId, from: sentAt + acceptedMs, to: reply?.at ?? Date.now() });
    const tokens = new RegExp(`(?:USER|NEXT)${serial}-|ALERT\\d`);
    const seen = bystander.frames.slice(seenBefore);
    return {
      gap,
      text,
      wanted,
      under: text === wanted ? "own" : elsewhere ? "other" : "none",
      finals: user.frames.filter((frame) => isFinal(frame, runId)).length,
      acceptedMs,
      latencyMs: final ? final.at - sentAt : undefined,
      bystander: seen.filter((frame) => tokens.test(frame.json)).map((frame) => frame.event),
      previews: seen.filter((frame) => frame.event === "heartbeat" && field(frame, "preview") !== undefined).length,
      heartbeats: calls() - callsBefore,
    };
  }
  return { turns, round, heartbeatCall, user, bystander };
}

/** Whether a follow-up was answered: complete, once, under its own run id. */
export function isWhole(round: Round): boolean {
  return round.under === "own" && round.finals === 1;
}
