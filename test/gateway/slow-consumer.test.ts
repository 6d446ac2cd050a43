/** A client that does not read: it is treated as upstream treats one, and only for what it asked for. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, onTestFinished, test } from "vitest";
import { type OpenBed, openBed } from "../support/bed.ts";
import { LONG_ANSWERS, stopReading } from "../support/slow-consumer.ts";
import { answer, freshSession, say, settle, traces } from "./contract.ts";
import { isolatedBed } from "./own-bed.ts";

/** Once it reads again, a client has all that waits for it, and the close after that, within this. */
const DRAIN_MS = 15_000;

/** One run in a session, beside a client with a claim on it and one without that both stopped reading. */
async function beside(bed: OpenBed) {
  const session = freshSession();
  const [user, claimer, bystander] = [
    await bed.connectRaw({ name: "user" }),
    await bed.connectRaw({ name: "claimer" }),
    await bed.connectRaw({ name: "bystander" }),
  ];
  await claimer.request("chat.history", { sessionKey: session.key });
  stopReading(claimer);
  stopReading(bystander);
  // Answered after theirs, so that their buffers are full now.
  await user.request("models.list", {}, { timeoutMs: 60_000 });
  const { runId } = await user.chat(session.key, say(session.id));
  await user.final(runId, 60_000);
  await settle();
  claimer.resume();
  bystander.resume();
  const fate = async ({ closed }: typeof user) => Promise.race([closed, sleep(DRAIN_MS, "open" as const)]);
  const [ofClaimer, ofBystander] = await Promise.all([fate(claimer), fate(bystander)]);
  return { session, user, runId, claimer, bystander, ofClaimer, ofBystander };
}

const CLOSED = { code: 1008, reason: "slow consumer" };

test("a slow consumer is closed as upstream closes it where it claims the session, and left alone where not", async () => {
  const plain = await openBed(inject("plain").release, { config: LONG_ANSWERS });
  onTestFinished(() => plain.close());
  const upstream = await beside(plain);
  expect(upstream.ofClaimer).toEqual(CLOSED);
  expect(upstream.ofBystander, "as published, for a session that it never asked for").toEqual(CLOSED);

  const scoped = await beside(await isolatedBed({ config: LONG_ANSWERS }));
  expect(scoped.ofClaimer).toEqual(CLOSED);
  expect(scoped.ofBystander).toBe("open");
  expect(traces(scoped.bystander, scoped.session)).toEqual([]);
  expect(scoped.user.text(scoped.runId)).toBe(answer(scoped.session.id));
  expect({ gaps: scoped.user.gaps(), repeats: scoped.user.repeats() }).toEqual({ gaps: 0, repeats: 0 });
});
