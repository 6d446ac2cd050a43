/** A channel's message that meets a heartbeat is answered, once, and the heartbeat comes again. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, onTestFinished, test } from "vitest";
import { isolationRegister, openBed, type OpenBed } from "../support/gateway/bed.ts";
import { type Channel, channelOptions, channelReady, startChannel } from "../support/gateway/channel.ts";
import { HEARTBEATS_ON } from "../support/scene/heartbeat-scene.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { wordsOf } from "../support/gateway/script.ts";

const { release } = inject("isolated");
const { preemptsHeartbeats } = capabilities(release);

/** A heartbeat's answer takes 3 s. */
const HEARTBEAT_CHUNKS = 30;

interface Outcome {
  readonly bed: OpenBed;
  readonly channel: Channel;
  readonly aborted: boolean;
  /** The friend's messages when the heartbeat's model call was over or, if it was aborted, some time later. */
  readonly answers: readonly string[];
}

async function meet(preload: string | undefined): Promise<Outcome> {
  const channel = await startChannel(release);
  onTestFinished(() => channel.close());
  const bed = await openBed(release, { ...channelOptions(channel, { ...HEARTBEATS_ON }), preload });
  onTestFinished(() => bed.close());
  const { model } = bed;
  const chunks = Array.from({ length: HEARTBEAT_CHUNKS }, () => "");
  model.otherwise = () => ({ kind: "say", id: "HEARTBEAT", chunks: ["HEARTBEAT_OK", ...chunks], delayMs: 100 });
  const operator = await bed.connect({ name: "operator" });
  await channelReady(channel, bed);
  // The first run loads and compiles what all later ones use.
  channel.receive("[[say id=WARM n=2]]");
  await until(() => channel.sent.length > 0, PATIENCE_MS, "the first answer");
  await sleep(700);

  await operator.request("wake", { mode: "now", text: "EVENTX" });
  const heartbeat = await model.waitFor("HEARTBEAT", PATIENCE_MS);
  const answers = (): readonly string[] =>
    channel.sent.map(({ text }) => text).filter((text) => text.includes("FRIEND"));
  channel.receive("[[say id=FRIEND n=3]]");
  await until(() => heartbeat.done || heartbeat.aborted, PATIENCE_MS, "end of the heartbeat");
  if (heartbeat.aborted) await until(() => answers().length > 0, PATIENCE_MS, "answer");
  return { bed, channel, aborted: heartbeat.aborted, answers: answers() };
}

async function until(done: () => boolean, timeoutMs: number, what: string): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !done(); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`no ${what} in ${timeoutMs} ms`);
  }
}

test("a channel's message aborts a heartbeat and is answered once, and the heartbeat's event reaches the model", async () => {
  const [published, { bed, channel, aborted, answers }] = await Promise.all([
    preemptsHeartbeats ? undefined : meet(undefined),
    meet(isolationRegister()),
  ]);
  if (published) expect([published.aborted, published.answers]).toEqual([false, []]);
  expect([aborted, answers]).toEqual([true, [wordsOf("FRIEND", 3).join("")]]);
  // A release that aborts them itself keeps the event, and asks again when the session has been idle for a minute.
  if (!preemptsHeartbeats) {
    const answered = (): boolean =>
      bed.model.requests.some(({ done, lastUserText }) => done && lastUserText.includes("EVENTX"));
    await until(answered, PATIENCE_MS, "answer to the prompt with the event");
  }
  expect(channel.sent.filter(({ text }) => text.includes("FRIEND"))).toHaveLength(1);
}, 200_000);
