/**
 * Connections that break, and the new ones of the same client: the run goes on there from the moment that it is back.
 * Each case runs on the control gateway too, under the same judge, and a bystander of the same kind listens.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { WAIT_ACCEPTED_MS } from "../../src/delivery/claim-requests.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { createDevice } from "../support/gateway/device.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { stateAt } from "../support/gateway/state.ts";
import { type ConnectOptions, connectRaw, type Endpoint, field, type RawClient } from "../support/wire/clients.ts";
import { startTcpProxy, type TcpProxy } from "../support/wire/tcp-proxy.ts";
import { within } from "../support/within.ts";
import { connectByHand, contents, converse, freshSession, gateways, say, settle, traces } from "./contract.ts";

const { plain, isolated } = gateways();
/** Enough for all that has to happen during a run. */
const CHUNKS = capabilities(plain.release).bootsFast ? 12 : 40;
const WITHOUT_DEVICE: ConnectOptions = {};

interface Scene {
  readonly gateway: Endpoint;
  readonly session: { readonly key: string; readonly id: string };
  readonly runId: string;
  /** How the client identifies itself on each of its connections. */
  readonly self: ConnectOptions;
  /** Claims the session and stays: it shows what there was to get. */
  readonly follower: RawClient;
  /** The same program on another device, or without one. */
  readonly bystander: RawClient;
  /** Connects the client; a connection through a proxy may end in any way. */
  connect(via?: TcpProxy): Promise<RawClient>;
  /** Sends the message whose answer is the run, and leaves the session: the client has the run, and no claim. */
  send(client: RawClient): void;
}

async function scene(gateway: Endpoint, self: ConnectOptions): Promise<Scene> {
  const session = freshSession();
  const runId = randomUUID();
  const follower = await connectByHand(gateway);
  await follower.request("chat.history", { sessionKey: session.key });
  const bystander = await connectByHand(gateway, { ...self, ...(self.device !== undefined && { device: true }) });
  const params = { sessionKey: session.key, message: say(session.id, CHUNKS, 100), idempotencyKey: runId };
  return {
    gateway,
    session,
    runId,
    self,
    follower,
    bystander,
    async connect(via) {
      if (!via) return connectByHand(gateway, self);
      const client = await connectRaw({ ...gateway, url: via.url }, self);
      onTestFinished(() => client.kill());
      return client;
    },
    send(client) {
      client.sendRaw({ type: "req", id: runId, method: "chat.send", params });
      const left = { key: session.key };
      client.sendRaw({ type: "req", id: randomUUID(), method: "sessions.messages.unsubscribe", params: left });
    },
  };
}

async function proxyTo(gateway: Endpoint): Promise<TcpProxy> {
  const proxy = await startTcpProxy(Number(new URL(gateway.url).port));
  onTestFinished(() => proxy.close());
  return proxy;
}

async function lose(client: RawClient): Promise<void> {
  client.kill();
  await client.closed;
}

/** Until the gateway has noticed the end of another connection: it may be busy, but it answers in order. */
async function untilNoticed(client: RawClient): Promise<void> {
  await sleep(100);
  for (let turn = 0; turn < 2; turn += 1) await client.request("sessions.list", { limit: 1 });
}

async function firstWord(client: RawClient, { runId, session }: Scene): Promise<void> {
  const isWord = (frame: RawClient["frames"][number]): boolean =>
    field(frame, "runId") === runId && frame.json.includes(`${session.id}-`);
  await client.waitFor(isWord, PATIENCE_MS, "a word of the run");
}

/** A run's frames with the words of the answer. */
function words({ runId, session }: Scene, frames: RawClient["frames"]): string[] {
  return contents(frames.filter((each) => field(each, "runId") === runId && each.json.includes(`${session.id}-`)));
}

/** The judge: what a client got of its run from now to the end, what it missed, and whether anybody else had any. */
async function judge(at: Scene, client: RawClient) {
  const { follower, bystander, session, runId } = at;
  const from = follower.frames.length;
  await follower.final(runId);
  await settle();
  const got = words(at, client.frames);
  const there = words(at, follower.frames.slice(from));
  return {
    /** Otherwise the run was over before the client was back, and the case shows nothing. */
    inMidRun: there.length > 3,
    missed: there.filter((each) => !got.includes(each)),
    repeated: got.length - new Set(got).size,
    last: got.at(-1)?.includes(`${session.id}-${CHUNKS - 1}`),
    leaks: traces(bystander, session).length > 0,
  };
}

const WHOLE = { inMidRun: true, missed: [], repeated: 0, last: true };
const AS_PUBLISHED_BUT_FOR_LEAKS = { control: { ...WHOLE, leaks: true }, module: { ...WHOLE, leaks: false } };

/** Plays a story on both gateways at a time: it ends with the connection that has to get the run from then on. */
async function onBoth(self: () => ConnectOptions, story: (at: Scene) => Promise<RawClient>) {
  const play = async (gateway: Endpoint) => {
    const at = await scene(gateway, self());
    return judge(at, await story(at));
  };
  const [control, module] = await Promise.all([play(plain), play(isolated)]);
  return { control, module };
}

const aDevice = (): ConnectOptions => ({ device: createDevice() });
/** A window of a program, told apart from the others. */
const anInstance = (): ConnectOptions => ({
  device: createDevice(),
  client: { id: "cli", mode: "cli", instanceId: randomUUID() },
});

describe("a client that comes back with its device", () => {
  test.each([
    ["whose other sessions it had asked for", true],
    ["that had asked for nothing yet", false],
  ])(
    "a client gets its run on the new connection if the first one, %s, is cut right after the message",
    async (_, asked) => {
      expect(
        await onBoth(aDevice, async (at) => {
          const first = await at.connect();
          if (asked) await first.request("chat.history", { sessionKey: freshSession().key });
          at.send(first);
          await lose(first);
          const second = await at.connect();
          await firstWord(at.follower, at);
          return second;
        }),
      ).toEqual(AS_PUBLISHED_BUT_FOR_LEAKS);
    },
  );

  test("a client gets its run on the third connection if two are cut during it", async () => {
    expect(
      await onBoth(aDevice, async (at) => {
        const first = await at.connect();
        at.send(first);
        await firstWord(first, at);
        await lose(first);
        await untilNoticed(at.follower);
        const second = await at.connect();
        await firstWord(second, at);
        await lose(second);
        await untilNoticed(at.follower);
        return at.connect();
      }),
    ).toEqual(AS_PUBLISHED_BUT_FOR_LEAKS);
  });

  test("a client gets its run once the gateway notices the loss of the first connection, if it is back before", async () => {
    expect(
      await onBoth(anInstance, async (at) => {
        const proxy = await proxyTo(at.gateway);
        const first = await at.connect(proxy);
        at.send(first);
        await firstWord(first, at);
        proxy.stall();
        const second = await at.connect();
        proxy.cut();
        await untilNoticed(second);
        return second;
      }),
    ).toEqual(AS_PUBLISHED_BUT_FOR_LEAKS);
  });
});

describe("a connection without a device that waits for a run", () => {
  /** Without an answer: the gateway gives it when the run has ended. */
  const wait = (client: RawClient, runId: string): void =>
    client.sendRaw({ type: "req", id: randomUUID(), method: "agent.wait", params: { runId, timeoutMs: PATIENCE_MS } });

  test("a connection gets a run for which it asked before the run began, once the one that started it breaks", async () => {
    expect(
      await onBoth(
        () => WITHOUT_DEVICE,
        async (at) => {
          const [first, second] = [await at.connect(), await at.connect()];
          wait(second, at.runId);
          await sleep(WAIT_ACCEPTED_MS + 100);
          at.send(first);
          await firstWord(first, at);
          await lose(first);
          await untilNoticed(second);
          return second;
        },
      ),
    ).toEqual(AS_PUBLISHED_BUT_FOR_LEAKS);
  });

  test("a connection gets a run for which it asked before the loss of the other was noticed, from then on", async () => {
    expect(
      await onBoth(
        () => WITHOUT_DEVICE,
        async (at) => {
          const proxy = await proxyTo(at.gateway);
          const first = await at.connect(proxy);
          at.send(first);
          await firstWord(first, at);
          proxy.stall();
          const second = await at.connect();
          wait(second, at.runId);
          await sleep(WAIT_ACCEPTED_MS + 100);
          proxy.cut();
          await untilNoticed(second);
          return second;
        },
      ),
    ).toEqual(AS_PUBLISHED_BUT_FOR_LEAKS);
  });
});

describe("a socket that sends `connect` twice at once", () => {
  /** It claims a session, in which another client then talks. */
  async function connectsTwice(gateway: Endpoint) {
    const { key, id } = freshSession();
    const displayName = randomUUID();
    const self = { id: "gateway-client", mode: "backend", version: "0", platform: "linux", displayName };
    const bystander = await connectByHand(gateway, { client: self });
    const socket = new WebSocket(gateway.url);
    onTestFinished(() => socket.terminate());
    const ended = once(socket, "close");
    const isOpen = (): boolean => socket.readyState === WebSocket.OPEN;
    const lines: string[] = [];
    const send = (request: string, method: string, params: object): void =>
      socket.send(JSON.stringify({ type: "req", id: request, method, params }));
    const auth = { token: gateway.token };
    const connects = { minProtocol: 3, maxProtocol: 4, client: self, scopes: ["operator.read"], auth };
    socket.on("message", (data) => {
      if (lines.push(data.toString()) === 1) for (const request of ["one", "two"]) send(request, "connect", connects);
    });
    const answers = (): string[] => lines.filter((line) => line.includes('"type":"res"'));
    await within(once(socket, "open"), "the socket is open");
    // The second one may be refused, and may end the connection.
    const decided = (): boolean => answers().length >= 2 || !isOpen();
    await vi.waitUntil(decided, { timeout: PATIENCE_MS });
    send("three", "chat.history", { sessionKey: key });
    await vi.waitUntil(() => answers().length >= 3 || !isOpen(), { timeout: PATIENCE_MS });
    const sender = await connectByHand(gateway);
    await converse(sender, key, say(id));
    await settle();
    const wasOpen = isOpen();
    const heard = lines.filter((line) => line.includes('"event":"chat"') && line.includes(`${id}-`));
    socket.terminate();
    await within(ended, "the end of the socket");
    await Promise.all([bystander.close(), sender.close()]);
    return {
      displayName,
      key,
      wasOpen,
      hears: heard.length > 0,
      leaks: traces(bystander, { key, id }).length > 0,
    };
  }

  test("it hears the session that it claims, as on the control gateway, and leaves no connection", async () => {
    const control = await connectsTwice(plain);
    expect(control).toMatchObject({ leaks: true, hears: control.wasOpen });
    const { displayName, key, ...ours } = await connectsTwice(isolated);
    expect(ours).toEqual({ wasOpen: control.wasOpen, hears: control.hears, leaks: false });
    const left = async () => {
      const { gateway, connections = [], sessionKeys = [] } = await stateAt(inject("statePort"));
      const named = connections.filter((each) => each.displayName === displayName);
      const claimed = sessionKeys.filter((each) => each.key === key);
      // Files that run at the same time have connections of their own: each of them has its row.
      return {
        named,
        claimed: claimed.map(({ claimers }) => claimers),
        unknown: gateway!.connections - connections.length,
      };
    };
    await vi.waitFor(async () => expect(await left()).toEqual({ named: [], claimed: [], unknown: 0 }), {
      timeout: PATIENCE_MS,
    });
  });
});
