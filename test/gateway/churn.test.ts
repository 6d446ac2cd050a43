/** Clients that come, claim and die without a word, or ask twice, leave nothing behind and disturb nobody. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, inject, test, vi } from "vitest";
import { isolationRegister, type OpenBed, openBed } from "../support/gateway/bed.ts";
import { type Client, connectRaw, type Endpoint } from "../support/wire/clients.ts";
import { errorsOf, type GatewayState, type StateProbe, stateProbe } from "../support/gateway/state.ts";
import {
  answer,
  connect,
  connectByHand,
  expectInOrder,
  freshSession,
  gateways,
  say,
  settle,
  traces,
} from "./contract.ts";
import { endOf } from "../support/within.ts";

const CYCLES = 1_000;
const AT_ONCE = 10;
const HALF_FRAME = fileURLToPath(new URL("../support/wire/half-frame.ts", import.meta.url));
/** A heap after forced collections still moves by some megabytes. */
const HEAP_NOISE = 16 * 1024 * 1024;

const { plain } = gateways();
type ProbedBed = OpenBed & Pick<StateProbe, "state">;
let bed: ProbedBed;
/** The control gateway, whose heap also grows. */
let control: ProbedBed;

async function probedBed(options: { preload?: string }): Promise<ProbedBed> {
  const { env, state } = await stateProbe();
  return { ...(await openBed(inject("isolated").release, { ...options, env })), state };
}

beforeAll(async () => {
  bed = await probedBed({ preload: isolationRegister() });
  control = await probedBed({});
  return async () => {
    await bed.close();
    await control.close();
  };
});

/** What the module holds, without counters. */
function held({ gateway, heartbeats }: GatewayState) {
  const { connections, claims, sessions, roster, observers, held: frames } = gateway!;
  return { connections, claims, sessions, roster, observers, frames, runs: heartbeats!.runs };
}

interface Streamer {
  readonly session: { key: string; id: string };
  readonly client: Client;
  readonly runIds: readonly string[];
}

/** Two clients that have the model talk all the time, until `over`. */
async function streaming(
  join: () => Promise<Client>,
  over: AbortSignal,
): Promise<{ all: readonly Streamer[]; ended: Promise<void> }> {
  const all = await Promise.all(
    [1, 2].map(async () => ({ session: freshSession(), client: await join(), runIds: [] as string[] })),
  );
  const talk = async ({ session, client, runIds }: (typeof all)[number]): Promise<void> => {
    while (!over.aborted) {
      const { runId } = await client.chat(session.key, say(session.id, 60, 20));
      runIds.push(runId);
      await client.final(runId, 60_000);
      await sleep(500); // 2026.5 answers a message right after a final with an empty one
    }
  };
  return { all, ended: Promise.all(all.map(talk)).then(() => undefined) };
}

/** Each reply came whole, its frames in order and each once. */
function expectUndisturbed({ client, session, runIds }: Streamer): void {
  for (const runId of runIds) {
    expect(client.text(runId)).toBe(answer(session.id, 60));
    expectInOrder(client, runId);
  }
}

/** Clients that connect, claim and vanish, half of them on sessions that stream, a third before the answer. */
async function churn(gateway: Endpoint, keys: readonly string[], cycles: number): Promise<void> {
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < cycles) {
      const cycle = (started += 1);
      const client = await connectRaw(gateway, { name: `cycle ${cycle}`, timeoutMs: 60_000 });
      const sessionKey = cycle % 2 === 0 ? keys[cycle % 4 === 0 ? 0 : 1] : freshSession().key;
      const asked = client.request("chat.history", { sessionKey, limit: 1 }).catch(() => undefined);
      if (cycle % 5 === 0) client.sendRaw({ type: "req", id: "r", method: "sessions.subscribe", params: {} });
      if (cycle % 3 !== 0) await asked;
      client.kill();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

test(`the gateway stays whole while ${CYCLES} clients connect, claim and vanish and two sessions stream`, async () => {
  const { gateway, state } = bed;
  // A control gateway shows the bystander everything.
  const leaky = freshSession();
  const [sender, witness] = [await connect(plain), await connectByHand(plain)];
  await sender.final((await sender.chat(leaky.key, say(leaky.id, 4))).runId);
  expect(traces(witness, leaky)).not.toHaveLength(0);

  const bystander = await connectByHand(gateway);
  const over = new AbortController();
  const { all, ended } = await streaming(() => connect(gateway), over.signal);
  const beside = await streaming(() => control.connect(), over.signal);
  const talks = Promise.all([ended, beside.ended]);
  talks.catch(() => undefined);
  const keys = all.map(({ session }) => session.key);
  await Promise.all([churn(gateway, keys, CYCLES / 5), churn(control.gateway, keys, CYCLES / 5)]); // caches fill
  await settle();
  const [before, controlBefore] = [await state(), await control.state()];
  await Promise.all([churn(gateway, keys, (CYCLES * 4) / 5), churn(control.gateway, keys, (CYCLES * 4) / 5)]);
  over.abort();
  await talks;

  const streamersOnly = { connections: 3, claims: 2, sessions: 2, roster: 0, observers: 0, frames: 0, runs: 0 };
  const after = await vi.waitFor(
    async () => {
      const now = await state();
      expect(held(now)).toEqual(streamersOnly);
      return now;
    },
    { timeout: 10_000, interval: 500 },
  );
  expect(errorsOf(after)).toEqual({});
  const itself = (await control.state()).heap - controlBefore.heap;
  expect(after.heap - before.heap).toBeLessThan(Math.max(itself, 0) + HEAP_NOISE);
  for (const streamer of all) {
    expect(streamer.runIds.length).toBeGreaterThan(3);
    expectUndisturbed(streamer);
    expect(traces(bystander, streamer.session)).toEqual([]);
  }
}, 900_000);

test("the gateway stays whole when clients are killed in the middle of a frame", async () => {
  const { gateway, state } = bed;
  const [bystander, over] = [await connectByHand(gateway), new AbortController()];
  const { all, ended } = await streaming(() => connect(gateway), over.signal);
  ended.catch(() => undefined);
  const before = held(await state());
  const endpoint = JSON.stringify({ url: gateway.url, token: gateway.token, release: gateway.release });
  const signals = await Promise.all(
    all
      .flatMap(({ session }) => [session.key, session.key, freshSession().key])
      .map(async (key) => {
        const child = spawn(process.execPath, [HALF_FRAME, endpoint, key], { stdio: ["ignore", "ignore", "inherit"] });
        return (await endOf(child)).signal;
      }),
  );
  expect(signals).toEqual(Array.from({ length: 6 }, () => "SIGKILL"));
  over.abort();
  await ended;
  await vi.waitFor(async () => expect(held(await state())).toEqual({ ...before, runs: 0 }), {
    timeout: 10_000,
    interval: 500,
  });
  expect(errorsOf(await state())).toEqual({});
  for (const streamer of all) {
    expectUndisturbed(streamer);
    expect(traces(bystander, streamer.session)).toEqual([]);
  }
});

test("a message sent again as its run ends leaves no run behind", async () => {
  const { gateway, state } = bed;
  const [client, session] = [await connect(gateway), freshSession()];
  const before = held(await state());
  let inFlight = 0;
  for (let turn = 0; turn < 20; turn += 1) {
    const message = { sessionKey: session.key, message: say(session.id, 1), idempotencyKey: randomUUID() };
    await client.request("chat.send", message);
    await client.final(message.idempotencyKey);
    // The gateway sends the final before it forgets the run.
    const again = await Promise.all(Array.from({ length: 5 }, () => client.request("chat.send", message)));
    inFlight += again.filter(({ status }) => status === "in_flight").length;
    await sleep(500);
  }
  expect(inFlight, "answers that say so, without which this shows nothing").toBeGreaterThan(0);
  await vi.waitFor(async () => expect(held(await state()).runs).toBe(before.runs), { timeout: 10_000, interval: 500 });
  expect(errorsOf(await state())).toEqual({});
});
