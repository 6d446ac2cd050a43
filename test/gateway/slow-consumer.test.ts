/** A client that does not read: it is treated as upstream treats one, and only for what it asked for. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { connectRaw, type Endpoint, type RawClient } from "../support/wire/clients.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { stopReading } from "../support/wire/slow-consumer.ts";
import { answer, freshSession, gateways, say, traces } from "./contract.ts";

/** Once it reads again, a client has all that waits for it, and the close after that, within this. */
const DRAIN_MS = 15_000;
/** From its last request until its buffer is full. */
const FILL_MS = 1500;

/** The same again if the frame for everybody that may not be dropped, at least once a minute, came in between. */
async function beside(gateway: Endpoint, tries = 4): Promise<Awaited<ReturnType<typeof once>>> {
  const seen = await once(gateway);
  const disturbed = seen.user.frames.some(({ event }) => event === "health");
  return disturbed && tries > 1 ? beside(gateway, tries - 1) : seen;
}

/** One run in a session, with a client that claims it and one that does not, both of which stopped reading. */
async function once(gateway: Endpoint) {
  const session = freshSession();
  const clients = await Promise.all(
    ["user", "claimer", "bystander"].map((name) => connectRaw(gateway, { name, timeoutMs: 60_000 })),
  );
  onTestFinished(async () => void (await Promise.all(clients.map((client) => client.close()))));
  const [user, claimer, bystander] = clients as [RawClient, RawClient, RawClient];
  await claimer.request("chat.history", { sessionKey: session.key });
  stopReading(claimer);
  stopReading(bystander);
  await sleep(FILL_MS);
  await user.request("sessions.list", { limit: 1 });
  const { runId } = await user.chat(session.key, say(session.id, 40, 50));
  await user.waitFor((frame) => frame.json.includes(session.key), PATIENCE_MS, "a frame of the run");
  // Soon, since 2026.9 cuts a connection that has not read its close within a second.
  await sleep(200);
  claimer.resume();
  bystander.resume();
  await user.final(runId, 60_000);
  const fate = ({ closed }: RawClient) => Promise.race([closed, sleep(DRAIN_MS, "open" as const)]);
  const [ofClaimer, ofBystander] = await Promise.all([fate(claimer), fate(bystander)]);
  return { session, user, runId, bystander, ofClaimer, ofBystander };
}

/** 2026.9 cuts (1006) who has not read its close within a second. */
const CLOSED = expect.objectContaining({ code: expect.toBeOneOf([1008, 1006]) });

test("a slow consumer is closed as upstream closes it if it claims the session, and left alone if it does not", async () => {
  const { plain, isolated } = gateways();
  const upstream = await beside(plain);
  expect(upstream.ofClaimer).toEqual(CLOSED);
  expect(upstream.ofBystander, "control gateway, for a session that it never asked for").toEqual(CLOSED);

  const scoped = await beside(isolated);
  expect(scoped.ofClaimer).toEqual(CLOSED);
  expect(scoped.ofBystander).toBe("open");
  expect(traces(scoped.bystander, scoped.session)).toEqual([]);
  expect(scoped.user.text(scoped.runId)).toBe(answer(scoped.session.id, 40));
  expect({ gaps: scoped.user.gaps(), repeats: scoped.user.repeats() }).toEqual({ gaps: 0, repeats: 0 });
}, 400_000);
