/** A run belongs to whoever started it, also without a claim and on a new connection; a device that comes back is the same client. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Client, type ConnectOptions, type Endpoint, field } from "../support/wire/clients.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { createDevice } from "../support/gateway/device.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import {
  answer,
  connect,
  connectByHand,
  contents,
  converse,
  expectInOrder,
  freshSession,
  gateways,
  offers,
  say,
  settle,
  traces,
} from "./contract.ts";

const { plain, isolated } = gateways();
const ADMIN = { scopes: ["operator.admin", "operator.read", "operator.write"] };
const CHUNKS = 30;
type Session = { readonly key: string; readonly id: string };

/** A message whose answer takes long enough for another action meanwhile. */
const long = (id: string): string => say(id, CHUNKS, 100);

async function firstWord(client: Client, runId: string): Promise<void> {
  const isWord = (frame: { event: string }): boolean =>
    frame.event === "chat" && field(frame as never, "runId") === runId;
  await client.waitFor(isWord, PATIENCE_MS, "the run's first word");
}

/** The method is missing on old releases: leaving counts all the same. */
async function leave(client: Client, key: string): Promise<void> {
  await client.request("sessions.messages.unsubscribe", { key }).catch(() => undefined);
}

/** What a client hears of one more run in a session that somebody else starts. */
async function hears(client: Client, session: Session, gateway: Endpoint): Promise<number> {
  const before = traces(client, session).length;
  await converse(await connect(gateway), session.key, say(session.id, 3));
  await settle();
  return traces(client, session).length - before;
}

describe("a client that leaves its session in mid-run (C1)", () => {
  async function leavesInMidRun(gateway: Endpoint) {
    const session = freshSession();
    const [client, bystander] = [await connect(gateway), await connect(gateway)];
    const { runId } = await client.chat(session.key, long(session.id));
    await firstWord(client, runId);
    await leave(client, session.key);
    await client.final(runId);
    await settle();
    return { session, client, bystander, text: client.text(runId), runId };
  }

  test("the control gateway sends the rest of the run to the client, and to all others", async () => {
    const { session, bystander, text } = await leavesInMidRun(plain);
    expect(text).toBe(answer(session.id, CHUNKS));
    expect(traces(bystander, session)).not.toHaveLength(0);
  });

  test("the client gets its run to the end and nothing of the session after it, and a bystander gets nothing", async () => {
    const { session, client, bystander, text, runId } = await leavesInMidRun(isolated);
    expect(text).toBe(answer(session.id, CHUNKS));
    expectInOrder(client, runId);
    expect(await hears(client, session, isolated)).toBe(0);
    expect(traces(bystander, session)).toEqual([]);
  });
});

/** The frames of a run at a client, from its first one on. */
function framesOf(client: Client, runId: string): string[] {
  return contents(client.frames.filter((frame) => field(frame, "runId") === runId));
}

describe("a client that leaves its session before the gateway answers its message", () => {
  async function leavesAtOnce(gateway: Endpoint) {
    const session = freshSession();
    const [client, follower, bystander] = [
      await connectByHand(gateway),
      await connectByHand(gateway),
      await connectByHand(gateway),
    ];
    await follower.request("chat.history", { sessionKey: session.key });
    const message = client.chat(session.key, say(session.id, 8, 100));
    const left = leave(client, session.key);
    const { runId } = await message;
    await left;
    await Promise.all([client.final(runId), follower.final(runId)]);
    await settle();
    return { session, client, follower, bystander, runId };
  }

  test("it gets every frame of its run once and in order, as on the control gateway, and a bystander none", async () => {
    const control = await leavesAtOnce(plain);
    expect(framesOf(control.client, control.runId)).toEqual(framesOf(control.follower, control.runId));
    const { session, client, follower, bystander, runId } = await leavesAtOnce(isolated);
    expect(framesOf(client, runId)).toEqual(framesOf(follower, runId));
    expect(client.text(runId)).toBe(answer(session.id, 8));
    expectInOrder(client, runId);
    expect(await hears(client, session, isolated)).toBe(0);
    expect(traces(bystander, session)).toEqual([]);
  });
});

describe("a session that is created with a message and without a key", () => {
  async function creates(gateway: Endpoint) {
    const { id } = freshSession();
    const [client, bystander] = [await connectByHand(gateway), await connectByHand(gateway)];
    const { key, runId } = await client.request("sessions.create", { message: say(id, 8, 100) });
    const run = String(runId);
    await client.final(run);
    await settle();
    const begins = framesOf(client, run).filter((each) => each.includes('"phase":"start"'));
    return { session: { key: String(key), id }, client, bystander, run, begins: begins.length };
  }

  test("its creator gets the run from its first frame on, as on the control gateway, and a bystander nothing", async (context) => {
    if (!offers(await connect(plain), "sessions.create")) return context.skip("no sessions.create on this release");
    const control = await creates(plain);
    expect(control.begins).toBeGreaterThan(0);
    const { session, client, bystander, run, begins } = await creates(isolated);
    expect(begins).toBe(control.begins);
    expect(client.text(run)).toBe(answer(session.id, 8));
    expectInOrder(client, run);
    expect(traces(bystander, session)).toEqual([]);
  });
});

describe("a sub-agent whose starter has left the parent session", () => {
  async function spawnsAndLeaves(gateway: Endpoint) {
    const [parent, child] = [freshSession(), freshSession()];
    const [client, bystander] = [await connect(gateway), await connect(gateway)];
    const { runId } = await client.chat(parent.key, `[[spawn id=${parent.id} child=${child.id} n=40 delay=150]]`);
    await leave(client, parent.key);
    await client.final(runId);
    await settle();
    // By its session, not by its words: the task of a sub-agent reaches the model in another form on each release.
    const isChild = (frame: Client["frames"][number]) =>
      (frame.event === "chat" || frame.event === "agent") && field(frame, "spawnedBy") === parent.key;
    return { words: client.frames.filter(isChild), leaks: [...traces(bystander, parent), ...traces(bystander, child)] };
  }

  test("its frames go on while the run on the parent does, as on the control gateway, and a bystander gets nothing", async (context) => {
    if (!capabilities(plain.release).namesSpawningSession) return context.skip("frames do not name the parent");
    expect((await spawnsAndLeaves(plain)).words).not.toHaveLength(0);
    const { words, leaks } = await spawnsAndLeaves(isolated);
    expect(words).not.toHaveLength(0);
    expect(leaks).toEqual([]);
  });
});

describe("a message on a busy session, whose sender leaves at once", () => {
  async function leavesTheQueue(gateway: Endpoint) {
    const [first, second] = [freshSession(), freshSession()];
    const [owner, sender, bystander] = [await connect(gateway), await connect(gateway), await connect(gateway)];
    const { runId } = await owner.chat(first.key, long(first.id));
    await firstWord(owner, runId);
    await sender.chat(first.key, say(second.id, 4));
    await leave(sender, first.key);
    await owner.final(runId);
    return { first, second, owner, sender, bystander };
  }
  /** The release may answer the message by a run of its own, or in the run that it met. */
  const answered = (client: Client, { id }: Session) =>
    client.waitFor(({ event, json }) => event === "chat" && json.includes(`${id}-3`), PATIENCE_MS, "the answer");

  test("its answer reaches the sender, whichever run it comes in, and no bystander", async () => {
    const control = await leavesTheQueue(plain);
    await answered(control.sender, control.second);
    const { first, second, sender, bystander } = await leavesTheQueue(isolated);
    await answered(sender, second);
    await settle();
    expect([...traces(bystander, first), ...traces(bystander, { ...first, id: second.id })]).toEqual([]);
  });
});

describe("a connection that breaks in mid-run, and a new one that waits for the run (C2)", () => {
  async function waitsAgain(gateway: Endpoint, wait: (runId: string) => object, options: ConnectOptions = {}) {
    const session = freshSession();
    const client = await connectByHand(gateway, options);
    const { runId } = await client.chat(session.key, long(session.id));
    await firstWord(client, runId);
    client.kill();
    await client.closed;
    const [again, bystander] = [await connectByHand(gateway, options), await connectByHand(gateway, options)];
    const answers = again.request("agent.wait", wait(runId));
    return { session, runId, again, bystander, answers };
  }

  test.each([
    ["plain", plain],
    ["isolated", isolated],
  ])("the new connection gets the final of the run, on the %s gateway", async (_, gateway) => {
    const { session, runId, again, answers } = await waitsAgain(gateway, (id) => ({ runId: id, timeoutMs: 0 }));
    await answers;
    const final = await again.final(runId);
    expect(final.json).toContain(`${session.id}-${CHUNKS - 1}`);
  });

  test("a wait that lasts brings the frames while it lasts, in order, and a bystander gets nothing", async () => {
    const wait = (id: string) => ({ runId: id, timeoutMs: PATIENCE_MS });
    const { session, runId, again, bystander, answers } = await waitsAgain(isolated, wait);
    await firstWord(again, runId);
    expect(traces(again, session).some(({ json }) => json.includes(`${session.id}-${CHUNKS - 1}`))).toBe(false);
    await Promise.all([answers, again.final(runId)]);
    expectInOrder(again, runId);
    expect(await hears(again, session, isolated), "of another run").toBe(0);
    expect(traces(bystander, session)).toEqual([]);
  });

  test("a wait that the gateway refuses, or for a run that nobody started, brings nothing", async () => {
    const session = freshSession();
    const [client, reader, stranger] = [
      await connectByHand(isolated),
      await connect(isolated, { scopes: ["operator.read"] }),
      await connect(isolated),
    ];
    const { runId } = await client.chat(session.key, long(session.id));
    await firstWord(client, runId);
    // The connection that started it is still open, so no other one may have it.
    await stranger.request("agent.wait", { runId, timeoutMs: 0 });
    await settle();
    client.kill();
    await client.closed;
    await expect(reader.request("agent.wait", { runId, timeoutMs: 0 })).rejects.toThrow(/scope/);
    await stranger.request("agent.wait", { runId: randomUUID(), timeoutMs: 0 });
    await sleep(CHUNKS * 100);
    await settle();
    expect([...traces(reader, session), ...traces(stranger, session)]).toEqual([]);
  });
});

describe("a device that comes back (C4)", () => {
  async function comesBack(options: ConnectOptions) {
    const session = freshSession();
    const client = await connectByHand(isolated, options);
    const { runId } = await client.chat(session.key, long(session.id));
    await firstWord(client, runId);
    const other = await connectByHand(isolated, options); // open all the time
    client.kill();
    await client.closed;
    await sleep(100);
    const again = await connectByHand(isolated, options);
    return { session, runId, again, other };
  }

  test("the same device gets its run and its sessions without asking, once, and another connection of it nothing", async () => {
    const device = createDevice();
    const { session, runId, again, other } = await comesBack({ device });
    expect((await again.final(runId)).json).toContain(`${session.id}-${CHUNKS - 1}`);
    const third = await connectByHand(isolated, { device });
    expect(await hears(again, session, isolated)).toBeGreaterThan(0);
    expect([...traces(other, session), ...traces(third, session)]).toEqual([]);
  });

  test("another device, another program on the device and a client without a device get nothing", async () => {
    const session = freshSession();
    const device = createDevice();
    const pairs: readonly (readonly [ConnectOptions, ConnectOptions])[] = [
      [{ device: createDevice() }, { device: createDevice() }],
      [{ device }, { device, client: { id: "cli", mode: "cli" } }],
      [{}, {}],
    ];
    const lost = await Promise.all(pairs.map(([first]) => connectByHand(isolated, first)));
    for (const each of lost) {
      await each.request("chat.history", { sessionKey: session.key });
      each.kill();
      await each.closed;
    }
    await sleep(100);
    const others = await Promise.all(pairs.map(([, second]) => connectByHand(isolated, second)));
    await hears(others[0]!, session, isolated);
    for (const each of others) expect(traces(each, session)).toEqual([]);
  });

  test("a device does not get what it left itself, or what was deleted while it was away", async () => {
    const device = createDevice();
    const [left, deleted] = [freshSession(), freshSession()];
    const [client, admin] = [await connectByHand(isolated, { device }), await connect(isolated, ADMIN)];
    await converse(admin, deleted.key, say(deleted.id, 2));
    for (const { key } of [left, deleted]) await client.request("chat.history", { sessionKey: key });
    await leave(client, left.key);
    client.kill();
    await client.closed;
    await admin.request("sessions.delete", { key: deleted.key });
    await settle();
    const again = await connectByHand(isolated, { device });
    expect(await hears(again, left, isolated)).toBe(0);
    expect(await hears(again, deleted, isolated)).toBe(0);
  });
});

describe("requests by which clients say that they want a session", () => {
  test.each([
    ["chat.subscribe", (key: string) => ({ sessionKey: key })], // C5
    ["sessions.describe", (key: string) => ({ key })],
    ["chat.metadata", (key: string) => ({ sessionKey: key })],
  ])("%s claims the session where a client can make it", async (method, params) => {
    const session = freshSession();
    const [client, bystander] = [await connect(isolated), await connect(isolated)];
    await converse(await connect(isolated), session.key, say(session.id, 2));
    const request = client.request(method, params(session.key));
    if (method === "chat.subscribe") await expect(request).rejects.toThrow(/unknown method|missing scope/);
    else if (offers(client, method)) await request;
    else await expect(request).rejects.toThrow();
    await bystander.request(method, params(freshSession().key)).catch(() => undefined);
    const claims = method === "chat.subscribe" || offers(client, method);
    expect((await hears(client, session, isolated)) > 0).toBe(claims);
    expect(traces(bystander, session)).toEqual([]);
  });
});
