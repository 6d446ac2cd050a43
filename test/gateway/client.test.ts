/** The scoped client against real gateways, as published and with the module: chats, heartbeats, faults. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { type ChatEvent, type ChatRun, type Client, connect, type ConnectOptions } from "../../src/client.ts";
import { isolationRegister, type OpenBed, openBed } from "../support/bed.ts";
import { startFrameProxy, type WireFrame } from "../support/frame-proxy.ts";
import { startGateway } from "../support/gateway.ts";
import { HEARTBEATS_ON, MAIN_SESSION } from "../support/heartbeat-scene.ts";
import { compareVersions } from "../support/release.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { answer, freshSession, say } from "./contract.ts";

const { release } = inject("isolated");
/** 2026.8.2 and newer take care of heartbeats beside users themselves. */
const LOSES_REPLIES = compareVersions(release.version, "2026.8.0") < 0;
const WAYS = ["as published", "with the module"] as const;
type Way = (typeof WAYS)[number];

const beds = new Map<Way, OpenBed>();

beforeAll(async () => {
  const direct = compareVersions(release.version, "2026.9.0") >= 0 ? { toolSearch: false } : {};
  const config = { ...HEARTBEATS_ON, tools: { exec: { host: "gateway", security: "full", ask: "off" }, ...direct } };
  const [plain, isolated] = await Promise.all([
    openBed(release, { config }),
    openBed(release, { config, preload: isolationRegister() }),
  ]);
  beds.set("as published", plain).set("with the module", isolated);
  for (const { model } of beds.values()) {
    model.otherwise = () => ({
      kind: "say",
      id: "HEARTBEAT",
      chunks: ["HEARTBEAT_OK", ...Array.from({ length: 11 }, () => " ")],
      delayMs: 100,
    });
  }
});

afterAll(async () => {
  await Promise.all([...beds.values()].map((bed) => bed.close()));
});

async function clientOf(way: Way, options: Partial<ConnectOptions> = {}): Promise<Client> {
  const { url, token } = beds.get(way)!.gateway;
  const client = await connect({ url, token, ...options });
  onTestFinished(() => client.close());
  return client;
}

async function read(run: ChatRun): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

/** What a consumer has on its screen in the end. */
function shown(events: readonly ChatEvent[]): string {
  return events.reduce((text, event) => {
    if (event.type !== "text-delta") return text;
    return event.replace ? event.delta : text + event.delta;
  }, "");
}

/** Reads a run until the first text. */
async function untilText(run: ChatRun): Promise<AsyncIterator<ChatEvent>> {
  const events = run[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error("the run ended without a text");
    if (value.type === "text-delta") return events;
  }
}

async function rest(events: AsyncIterator<ChatEvent>): Promise<ChatEvent[]> {
  const read_: ChatEvent[] = [];
  for (let next = await events.next(); !next.done; next = await events.next()) read_.push(next.value);
  return read_;
}

describe.each(WAYS)("a gateway %s", (way) => {
  test("eight chats at once over two connections: each its own text and nothing else", async () => {
    const { model } = beds.get(way)!;
    const clients = [await clientOf(way), await clientOf(way)];
    const chats = Array.from({ length: 8 }, (_, i) => {
      const session = freshSession("client");
      const run = clients[i % 2]!.chat({ sessionKey: session.key, message: say(session.id, 12, 40) });
      return { session, events: read(run), text: run.finalText() };
    });
    const ids = chats.map(({ session }) => session.id);
    for (const { session, events, text } of chats) {
      expect(await text).toBe(model.textFor(session.id));
      expect(shown(await events)).toBe(answer(session.id, 12));
      expect((await events).at(-1)).toEqual({ type: "done", text: answer(session.id, 12) });
      expect(await events).toContainEqual({ type: "usage", inputTokens: 10, outputTokens: 12, costUsd: 0 });
      const json = JSON.stringify(await events);
      for (const id of ids) if (id !== session.id) expect(json).not.toContain(id);
    }
    // The plain gateway sent everything to both: what was foreign was dropped here.
    const foreign = clients.reduce((sum, client) => sum + client.dropped.foreignRun, 0);
    if (way === "as published") expect(foreign).toBeGreaterThan(0);
    else expect(foreign).toBe(0);
  });

  test("a tool call, a raw session key, and a message that the model refuses", async () => {
    const client = await clientOf(way);
    const { id } = freshSession();
    const raw = `raw-${id}`;
    const events = await read(client.chat({ sessionKey: raw, message: `[[tool id=${id} cmd="echo hi" n=3]]` }));
    expect(events.at(-1)).toEqual({ type: "done", text: answer(id, 3) });
    const tools = events.filter(({ type }) => type.startsWith("tool-"));
    if (compareVersions(release.version, "2026.5.0") >= 0) {
      expect(tools).toEqual([
        expect.objectContaining({ type: "tool-start", name: "exec", arguments: { command: "echo hi" } }),
        expect.objectContaining({ type: "tool-end", name: "exec", isError: false, durationMs: expect.any(Number) }),
      ]);
    }
    const history = await client.history(raw);
    expect(history.map(({ role }) => role)).toEqual(expect.arrayContaining(["user", "assistant"]));
    const failed = await read(
      client.chat({ sessionKey: freshSession().key, message: `[[error id=${id}E status=400]]` }),
    );
    expect(failed.at(-1)).toMatchObject({ type: "error", kind: "model", retryable: false });
  });

  test("an abort is real: the model's request is closed", async () => {
    const { model } = beds.get(way)!;
    const client = await clientOf(way);
    const session = freshSession();
    const run = client.chat({ sessionKey: session.key, message: say(session.id, 200, 50) });
    const events = await untilText(run);
    await run.abort();
    expect((await rest(events)).at(-1)).toMatchObject({ type: "lifecycle", phase: "aborted", confirmed: true });
    expect(await model.waitFor(session.id, 5_000, "settled")).toMatchObject({ aborted: true });
  });

  test("heartbeats in between: whole replies with the module, else an error; never a heartbeat's text", async () => {
    const { model } = beds.get(way)!;
    const client = await clientOf(way);
    const control = await beds.get(way)!.connect();
    const beats = (): number => model.requests.filter(({ id }) => id === "HEARTBEAT").length;
    const results: string[] = [];
    const seen: ChatEvent[] = [];
    for (let round = 0; round < 2; round += 1) {
      const before = beats();
      await control.request("wake", { mode: "now", text: `event ${round}` });
      await vi.waitFor(() => expect(beats()).toBeGreaterThan(before), { timeout: 20_000, interval: 20 });
      await sleep(150);
      const { id } = freshSession();
      const events = await read(client.chat({ sessionKey: MAIN_SESSION, message: say(id, 6, 50), timeoutMs: 40_000 }));
      seen.push(...events);
      const last = events.at(-1);
      if (last?.type === "done") {
        expect(last.text).toBe(answer(id, 6));
        results.push("whole");
      } else results.push(last?.type === "error" ? last.kind : String(last?.type));
      await sleep(1_500);
    }
    expect(JSON.stringify(seen)).not.toContain("HEARTBEAT");
    if (way === "as published" && LOSES_REPLIES) expect(results).toContain("lost-reply");
    if (way === "with the module" || !LOSES_REPLIES) expect(results).toEqual(["whole", "whole"]);
  });

  test("the network is cut in mid-run and heals: the whole reply, and one model call", async () => {
    const { model, gateway } = beds.get(way)!;
    const proxy = await startTcpProxy(gateway.port);
    onTestFinished(() => proxy.close());
    const client = await clientOf(way, { url: proxy.url, recoverMs: 20_000 });
    const session = freshSession();
    const run = client.chat({ sessionKey: session.key, message: say(session.id, 30, 100) });
    const events = await untilText(run);
    proxy.cut();
    await sleep(300);
    proxy.heal();
    expect((await rest(events)).at(-1)).toEqual({ type: "done", text: answer(session.id, 30) });
    expect(model.requests.filter(({ id }) => id === session.id)).toHaveLength(1);
  });
});

describe("faults on the wire", () => {
  async function tampered(tamper: (frame: WireFrame) => readonly WireFrame[], options: Partial<ConnectOptions> = {}) {
    const proxy = await startFrameProxy(beds.get("with the module")!.gateway.url);
    onTestFinished(() => proxy.close());
    const client = await clientOf("with the module", { url: proxy.url, ...options });
    proxy.tamper = tamper;
    return client;
  }
  const isFinal = ({ event, payload }: WireFrame): boolean => event === "chat" && payload?.["state"] === "final";

  test("the final frame is lost: the reply comes from the history", async () => {
    const client = await tampered((frame) => (isFinal(frame) ? [] : [frame]), { stallMs: 1_500 });
    const session = freshSession();
    const events = await read(client.chat({ sessionKey: session.key, message: say(session.id, 6, 40) }));
    expect(shown(events)).toBe(answer(session.id, 6));
    expect(events.at(-1)).toEqual({ type: "done", text: answer(session.id, 6) });
  });

  test("frames come twice and out of order: the text is right at every moment", async () => {
    let held: WireFrame | undefined;
    const client = await tampered((frame) => {
      if (frame.type !== "event" || isFinal(frame) || !["chat", "agent"].includes(frame.event ?? "")) {
        const before = held ? [held] : [];
        held = undefined;
        return [...before, frame];
      }
      if (!held) {
        held = frame;
        return [];
      }
      const first = held;
      held = undefined;
      return [frame, first, frame];
    });
    const session = freshSession();
    const events = await read(client.chat({ sessionKey: session.key, message: say(session.id, 20, 40) }));
    const whole = answer(session.id, 20);
    expect(events.at(-1)).toEqual({ type: "done", text: whole });
    for (const [i] of events.entries()) expect(whole.startsWith(shown(events.slice(0, i + 1)))).toBe(true);
    expect(client.dropped.stale).toBeGreaterThan(0);
  });

  test("the network goes silent: a typed error within the bounds, and an abort that ends in time", async () => {
    const proxy = await startTcpProxy(beds.get("with the module")!.gateway.port);
    onTestFinished(() => proxy.close());
    const bounds = { stallMs: 800, requestTimeoutMs: 800, recoverMs: 2_500, abortGraceMs: 500 };
    const client = await clientOf("with the module", { url: proxy.url, ...bounds });
    const [first, second] = [freshSession(), freshSession()];
    const run = client.chat({ sessionKey: first.key, message: say(first.id, 60, 100) });
    const stopped = client.chat({ sessionKey: second.key, message: say(second.id, 60, 100) });
    const [events] = await Promise.all([untilText(run), untilText(stopped)]);
    proxy.stall();
    const at = Date.now();
    await stopped.abort();
    expect(Date.now() - at).toBeLessThan(1_500);
    expect((await rest(events)).at(-1)).toMatchObject({ type: "error", kind: "disconnected" });
    expect(Date.now() - at).toBeLessThan(8_000);
  });
});

test("a token that the gateway no longer takes: chats end with an auth error, for good", async () => {
  const [bed, other] = [beds.get("with the module")!, beds.get("as published")!];
  const proxy = await startTcpProxy(bed.gateway.port);
  onTestFinished(() => proxy.close());
  const client = await clientOf("with the module", { url: proxy.url });
  const { key, id } = freshSession();
  const events = await untilText(client.chat({ sessionKey: key, message: say(id, 60, 100) }));
  // A gateway with another token is what a gateway with a changed one is to this client.
  proxy.target = other.gateway.port;
  proxy.cut();
  proxy.heal();
  expect((await rest(events)).at(-1)).toMatchObject({ type: "error", kind: "auth", retryable: false });
  expect(client.state).toBe("closed");
});

test("SIGKILL in mid-run and a restart: an end that is known, an abort in time, and chats go on", async () => {
  const bed = beds.get("with the module")!;
  const { port, stateDir, token, pid } = bed.gateway;
  const client = await clientOf("with the module", { recoverMs: 90_000, abortGraceMs: 1_000 });
  const [first, second, third] = [freshSession(), freshSession(), freshSession()];
  const run = client.chat({ sessionKey: first.key, message: say(first.id, 40, 100) });
  const stopped = client.chat({ sessionKey: second.key, message: say(second.id, 100, 100) });
  const [events] = await Promise.all([untilText(run), untilText(stopped)]);
  process.kill(pid, "SIGKILL");
  await bed.gateway.exited;
  const at = Date.now();
  await stopped.abort();
  expect(Date.now() - at).toBeLessThan(2_000);
  const waiting = client.chat({ sessionKey: third.key, message: say(third.id, 3) }).finalText();

  const options = { release, model: bed.model, preload: isolationRegister(), config: HEARTBEATS_ON };
  const again = await startGateway({ ...options, port, stateDir, token });
  onTestFinished(() => again.stop());
  const last = (await rest(events)).at(-1);
  // 2026.9 may take up by itself what was interrupted; what it then says is the whole reply.
  if (last?.type === "done") expect(last.text).toBe(answer(first.id, 40));
  else expect(last).toMatchObject({ type: "error", kind: "gateway-restarted", retryable: false });
  expect(await waiting).toBe(answer(third.id, 3));
});
