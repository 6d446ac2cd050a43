/**
 * A message by HTTP that meets a heartbeat. The gateway answers it without the functions by which the module sees other
 * messages, and no later than the control gateway, where that heartbeat may not run on the message's session.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { capabilities } from "../support/gateway/capabilities.ts";
import type { Config } from "../support/gateway/gateway-config.ts";
import type { ModelRequest } from "../support/gateway/model.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import {
  type CompletionBed,
  fateOfOutput,
  openCompletionBed,
  raised,
  requestsWith,
  work,
} from "../support/scene/completions.ts";
import { until } from "../support/scene/cron-scene.ts";

const { release } = inject("isolated");
const does = capabilities(release);

const WEB = "agent:main:web:a";
const SEEN_MS = 70_000;
const PATIENT = { timeout: 400_000 };

const OVER_HTTP: Config = {
  gateway: { http: { endpoints: { chatCompletions: { enabled: true }, responses: { enabled: true } } } },
};
/** Twenty seconds: nobody would wait for as long without noticing. */
const SLOW_CHUNKS = 200;
const NOTICED_MS = 5_000;

describe.runIf(!does.preemptsHeartbeats)(
  "when a message comes by HTTP during the heartbeat of a command",
  PATIENT,
  () => {
    test("it is answered once and no later than on the control gateway, and the output is seen after it", async () => {
      const both = await Promise.all(
        [false, true].map((isolated) => openCompletionBed({ release, isolated, config: OVER_HTTP })),
      );
      for (const bed of both) onTestFinished(() => bed.close());
      let slow = true;
      for (const { model } of both) {
        // Where no wake names a session, another heartbeat comes first: main's, of the command's own wake.
        const waits = (text: string): boolean => slow && (does.wakesMayNameSessions || text.includes("-42"));
        model.otherwise = (text) => {
          const chunks = ["HEARTBEAT_OK", ...(waits(text) ? Array<string>(SLOW_CHUNKS).fill("") : [])];
          return { kind: "say", id: "BEAT", chunks, delayMs: 100 };
        };
      }
      const lefts = await Promise.all(
        both.map(async (bed) => {
          const left = work();
          await say(bed, WEB, left.order);
          await raised(bed, left);
          return left;
        }),
      );
      const ours = both[1]!;
      const beats = (): ModelRequest[] =>
        ours.model.requests.filter(({ id, lastUserText }) => id === "BEAT" && lastUserText.includes(lefts[1]!.output));
      await until(() => beats()[0], SEEN_MS, "the heartbeat of the command");
      await sleep(1_000);
      const [published, own] = await Promise.all(both.map((bed) => postMessage(bed, WEB, "[[say id=HTTP n=3]]")));
      slow = false;
      expect({ text: own!.text, requests: requestsWith(ours, "id=HTTP ") }).toEqual({
        text: published!.text,
        requests: 1,
      });
      expect(own!.text).toBe("HTTP-0 HTTP-1 HTTP-2");
      expect(own!.tookMs).toBeLessThan((does.occupiesLaneOnAbort ? published!.tookMs : 0) + NOTICED_MS);
      await until(() => beats().find(({ done }) => done), SEEN_MS, "the heartbeat after the message");
      expect(beats().map(({ aborted }) => aborted)).toEqual(does.occupiesLaneOnAbort ? [false] : [true, false]);
      expect(await fateOfOutput(ours, lefts[1]!, SEEN_MS)).toBe(`seen ${WEB}`);
      const { messages } = await ours.admin.request("chat.history", { sessionKey: WEB });
      expect(JSON.stringify(messages).split(own!.text)).toHaveLength(2);
    });
  },
);

/** Sends a message by HTTP and waits for its answer. */
async function postMessage(
  { gateway }: CompletionBed,
  sessionKey: string,
  content: string,
): Promise<{ text: string; tookMs: number }> {
  const sentAt = Date.now();
  const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${gateway.token}`,
      "content-type": "application/json",
      "x-openclaw-session-key": sessionKey,
    },
    body: JSON.stringify({ model: "openclaw", messages: [{ role: "user", content }] }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const body = (await response.json()) as { choices?: { message: { content: string } }[] };
  return { text: body.choices?.[0]?.message.content ?? JSON.stringify(body), tookMs: Date.now() - sentAt };
}

/** Sends a message by WebSocket and waits for its answer. */
async function say({ admin }: CompletionBed, sessionKey: string, message: string): Promise<void> {
  const { runId } = await admin.chat(sessionKey, message);
  await admin.final(runId, PATIENCE_MS);
}
