/** One chat against a server that does what gateways do only when they fail. */
import { inspect } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type ChatEvent,
  type ChatRun,
  type Client,
  ClientError,
  connect,
  type ConnectOptions,
} from "../../src/client.ts";
import {
  type Handler,
  type Params,
  type Peer,
  SILENT,
  startStandIn,
  type StandIn,
} from "../support/stand-in-gateway.ts";

const KEY = "agent:main:s";
const FAST = { requestTimeoutMs: 300, recoverMs: 1_500, stallMs: 300, abortGraceMs: 400 };

async function open(
  handlers: Record<string, Handler>,
  options: Partial<ConnectOptions> = {},
): Promise<{ gateway: StandIn; client: Client }> {
  const gateway = await startStandIn(handlers);
  onTestFinished(() => gateway.close());
  const client = await connect({ url: gateway.url, token: gateway.token, ...FAST, ...options });
  onTestFinished(() => client.close());
  return { gateway, client };
}

const frame = (params: Params, more: object) => ({ runId: params["idempotencyKey"], sessionKey: KEY, ...more });
const delta = (params: Params, seq: number, text: string) =>
  frame(params, { seq, state: "delta", message: { content: [{ type: "text", text }] } });
const final = (params: Params, seq: number, text?: string) =>
  frame(params, { seq, state: "final", ...(text === undefined ? {} : { message: { content: text } }) });

/** Answers `chat.send` and then plays these frames. */
function plays(script: (params: Params, peer: Peer) => void | Promise<void>): Handler {
  return (params, peer) => {
    setImmediate(() => void script(params, peer));
    return { runId: params["idempotencyKey"], status: "started" };
  };
}

async function read(run: ChatRun): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

const history =
  (messages: (params: Params) => object[]): Handler =>
  (params) => ({ messages: messages(params) });
const answered = (key: string, text: string, stopReason = "stop") => [
  { role: "user", content: "m", idempotencyKey: `${key}:user`, timestamp: Date.now() },
  {
    role: "assistant",
    content: [{ type: "text", text }],
    stopReason,
    usage: { input: 3, output: 2, cost: { total: 0.25 } },
  },
];

describe("a chat", () => {
  test("streams its own run and nothing else", async () => {
    const { gateway, client } = await open({
      "chat.send": plays((params, peer) => {
        const foreign = { state: "delta", seq: 1, message: { content: "FOREIGN" } };
        peer.event("chat", { ...foreign, runId: "other", sessionKey: KEY });
        peer.event("chat", { ...foreign, runId: params["idempotencyKey"] });
        peer.event("chat", { ...foreign, runId: params["idempotencyKey"], sessionKey: "agent:main:other" });
        peer.event("chat", { ...foreign, sessionKey: KEY });
        peer.event("chat", null);
        peer.event("agent", frame(params, { isHeartbeat: true, stream: "thinking", data: { text: "FOREIGN" } }));
        peer.event("agent", frame(params, { seq: 1, stream: "lifecycle", data: { phase: "start" } }));
        peer.event("chat", delta(params, 2, "a"));
        peer.event("chat", delta(params, 2, "a"));
        peer.event("chat", { ...delta(params, 3, "a b"), sessionKey: "AGENT:main:S" });
        peer.event("chat", final(params, 4, "a b c"));
        peer.event("chat", final(params, 5, "FOREIGN"));
      }),
      "chat.history": (params) => ({
        messages: answered(gateway.requests[0]!.params["idempotencyKey"] as string, "a b c"),
        of: params,
      }),
    });
    const run = client.chat({ sessionKey: "s", message: "m" });
    const [events, text] = await Promise.all([read(run), run.finalText()]);
    expect(events).toEqual([
      { type: "lifecycle", phase: "start" },
      { type: "text-delta", delta: "a" },
      { type: "text-delta", delta: " b" },
      { type: "text-delta", delta: " c" },
      { type: "lifecycle", phase: "end" },
      { type: "usage", inputTokens: 3, outputTokens: 2, costUsd: 0.25 },
      { type: "done", text: "a b c" },
    ]);
    expect(text).toBe("a b c");
    expect(client.dropped).toEqual({
      malformed: 2,
      noKey: 1,
      foreignRun: 1,
      foreignSession: 1,
      heartbeat: 1,
      stale: 1,
      late: 1,
    });
  });

  test("needs a session key, a message, and no history", async () => {
    const { gateway, client } = await open({});
    const wrong: object[] = [{ message: "m" }, { sessionKey: "", message: "m" }, { sessionKey: KEY, message: " " }];
    wrong.push({ sessionKey: KEY, message: "m", history: [] }, { sessionKey: KEY, message: "m", timeoutMs: -1 });
    for (const options of wrong) {
      expect(() => client.chat(options as never)).toThrow(expect.objectContaining({ kind: "invalid-argument" }));
    }
    expect(() => client.chat(undefined as never)).toThrow(ClientError);
    expect(gateway.requests).toEqual([]);
  });

  test("chats on one session wait for each other; on others they do not", async () => {
    const running = new Set<unknown>();
    let most = 0;
    const { client } = await open({
      "chat.send": plays(async (params, peer) => {
        const key = params["sessionKey"];
        expect(running.has(key)).toBe(false);
        running.add(key);
        most = Math.max(most, running.size);
        await sleep(30);
        running.delete(key);
        peer.event("chat", { ...final(params, 1, String(params["message"])), sessionKey: key });
      }),
    });
    const chats = Array.from({ length: 8 }, (_, i) =>
      client.chat({ sessionKey: `agent:main:${i % 4}`, message: `m${i}`, usage: false }).finalText(),
    );
    expect(await Promise.all(chats)).toEqual(Array.from({ length: 8 }, (_, i) => `m${i}`));
    expect(most).toBe(4);
  });

  test("the same idempotency key is sent once, and answered again", async () => {
    const { gateway, client } = await open({
      "chat.send": plays((params, peer) => peer.event("chat", final(params, 1, "x"))),
    });
    const chat = { sessionKey: KEY, message: "m", idempotencyKey: "k", usage: false };
    const both = [client.chat(chat).finalText(), client.chat(chat).finalText()];
    expect(await Promise.all(both)).toEqual(["x", "x"]);
    expect(gateway.count("chat.send")).toBe(1);
    const other = client.chat({ ...chat, sessionKey: "agent:main:t" });
    await expect(other.finalText()).rejects.toMatchObject({ kind: "invalid-argument" });
  });

  test("a refused message is an error with the gateway's code", async () => {
    const { client } = await open({
      "chat.send": () => {
        throw { code: "INVALID_REQUEST", message: "missing scope: operator.write" };
      },
    });
    const events = await read(client.chat({ sessionKey: KEY, message: "m" }));
    expect(events).toEqual([
      { type: "error", kind: "refused", retryable: false, message: "chat.send: missing scope: operator.write" },
    ]);
  });
});

describe("a run cannot hang", () => {
  test("lost final: the outcome comes from the history", async () => {
    const { gateway, client } = await open({
      "chat.send": plays((params, peer) => peer.event("chat", delta(params, 1, "a"))),
      "agent.wait": () => ({ status: "ok", endedAt: 1 }),
      "chat.history": history(() => answered("k", "a b")),
    });
    const events = await read(client.chat({ sessionKey: KEY, message: "m", idempotencyKey: "k" }));
    expect(events.filter(({ type }) => type === "text-delta")).toEqual([
      { type: "text-delta", delta: "a" },
      { type: "text-delta", delta: " b" },
    ]);
    expect(events.at(-1)).toEqual({ type: "done", text: "a b" });
    expect(gateway.count("chat.send")).toBe(1);
  });

  test("lost final, and a history without the reply: a typed error", async () => {
    const { client } = await open({
      "chat.send": plays(() => undefined),
      "agent.wait": () => ({ status: "ok", endedAt: 1 }),
    });
    const events = await read(client.chat({ sessionKey: KEY, message: "m" }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "lost-reply", retryable: false });
  });

  test("an empty final of a message that was never run is a lost reply, not an empty one", async () => {
    const { client } = await open({ "chat.send": plays((params, peer) => peer.event("chat", final(params, 1))) });
    expect((await read(client.chat({ sessionKey: KEY, message: "m" }))).at(-1)).toMatchObject({ kind: "lost-reply" });
  });

  test("a connection lost in mid-run: reconnects, and goes on with the frames", async () => {
    const { gateway, client } = await open(
      {
        "chat.send": plays(async (params, peer) => {
          peer.event("chat", delta(params, 1, "a"));
          await sleep(20);
          peer.cut();
          while (gateway.count("chat.history") === 0) await sleep(10);
          for (const again of gateway.peers) again.event("chat", delta(params, 7, "a b c"));
          await sleep(50);
          for (const again of gateway.peers) again.event("chat", final(params, 9, "a b c d"));
        }),
        "agent.wait": () => ({ status: "timeout" }),
      },
      { recoverMs: 5_000 },
    );
    const events = await read(client.chat({ sessionKey: KEY, message: "m", usage: false }));
    expect(events.flatMap((event) => (event.type === "text-delta" ? [event.delta] : []))).toEqual(["a", " b c", " d"]);
    expect(gateway.count("chat.send")).toBe(1);
    expect(gateway.requests.map(({ method }) => method)).toContain("sessions.messages.subscribe");
  });

  test("cut before the answer: sent again with the same key, once per connection", async () => {
    let first = true;
    const { gateway, client } = await open(
      {
        "chat.send": (params, peer) => {
          if (first) {
            first = false;
            peer.cut();
            return SILENT;
          }
          setImmediate(() => peer.event("chat", final(params, 1, "x")));
          return { runId: params["idempotencyKey"], status: "in_flight" };
        },
      },
      { recoverMs: 5_000 },
    );
    expect(await client.chat({ sessionKey: KEY, message: "m", usage: false }).finalText()).toBe("x");
    const keys = gateway.requests
      .filter(({ method }) => method === "chat.send")
      .map(({ params }) => params["idempotencyKey"]);
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
  });

  test("cut before the answer, and restarted meanwhile: not sent again", async () => {
    const { gateway, client } = await open(
      {
        "chat.send": (_params, peer) => {
          gateway.bootId = "boot-2";
          peer.cut();
          return SILENT;
        },
      },
      { recoverMs: 5_000 },
    );
    const events = await read(client.chat({ sessionKey: KEY, message: "m" }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "gateway-restarted", retryable: false });
    expect(gateway.count("chat.send")).toBe(1);
  });

  test("a gateway that stops answering: a typed error within the bounds", { timeout: 8_000 }, async () => {
    const { gateway, client } = await open({
      "chat.send": plays((params, peer) => {
        peer.event("chat", delta(params, 1, "a"));
        for (const method of ["agent.wait", "chat.history", "sessions.messages.subscribe"]) {
          gateway.handlers[method] = () => SILENT;
        }
      }),
    });
    const started = Date.now();
    const events = await read(client.chat({ sessionKey: KEY, message: "m" }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "disconnected" });
    expect(Date.now() - started).toBeLessThan(FAST.stallMs + FAST.recoverMs + 3 * FAST.requestTimeoutMs + 500);
  });

  test("a gateway that is gone for good: a typed error within the bound", async () => {
    const { gateway, client } = await open({
      "chat.send": plays((params, peer) => peer.event("chat", delta(params, 1, "a"))),
    });
    const run = client.chat({ sessionKey: KEY, message: "m" });
    const text = run.finalText();
    text.catch(() => undefined);
    await sleep(100);
    await gateway.close();
    const closed = Date.now();
    await expect(text).rejects.toMatchObject({ kind: "disconnected", retryable: false });
    expect(Date.now() - closed).toBeLessThan(FAST.recoverMs + 500);
    const next = client.chat({ sessionKey: KEY, message: "m" }).finalText();
    await expect(next).rejects.toMatchObject({ kind: "disconnected", retryable: true });
  });

  test("timeoutMs ends it, and aborts the run", async () => {
    const { gateway, client } = await open({
      "chat.send": plays(() => undefined),
      "agent.wait": () => ({ status: "timeout" }),
    });
    const events = await read(client.chat({ sessionKey: KEY, message: "m", timeoutMs: 200 }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "timeout", retryable: false });
    await sleep(50);
    expect(gateway.count("chat.abort")).toBe(1);
  });

  test("a consumer that does not read: bounded, a typed error, and the run is aborted", async () => {
    const { gateway, client } = await open(
      {
        "chat.send": plays((params, peer) => {
          for (let i = 1; i <= 200; i += 1) peer.event("chat", delta(params, i, "x".repeat(i)));
        }),
      },
      { maxQueuedEvents: 20 },
    );
    const run = client.chat({ sessionKey: KEY, message: "m" });
    await sleep(300);
    const events = await read(run);
    expect(events).toHaveLength(21);
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "slow-consumer" });
    expect(gateway.count("chat.abort")).toBe(1);
  });

  test("closing the client ends its chats", async () => {
    const { client } = await open({ "chat.send": plays(() => undefined) });
    const text = client.chat({ sessionKey: KEY, message: "m" }).finalText();
    text.catch(() => undefined);
    await sleep(50);
    await client.close();
    await expect(text).rejects.toMatchObject({ kind: "closed" });
    expect(() => client.chat({ sessionKey: KEY, message: "m" })).toThrow(expect.objectContaining({ kind: "closed" }));
  });
});

describe("abort", () => {
  const started = plays((params, peer) => peer.event("chat", delta(params, 1, "so far")));

  test("the gateway's last frame ends the stream", async () => {
    const { client } = await open({
      "chat.send": started,
      "chat.abort": (params, peer) => {
        peer.event("chat", { runId: params["runId"], sessionKey: KEY, seq: 2, state: "aborted" });
        return { ok: true, aborted: true };
      },
    });
    const run = client.chat({ sessionKey: KEY, message: "m" });
    setTimeout(() => void run.abort(), 100);
    expect((await read(run)).at(-1)).toEqual({ type: "lifecycle", phase: "aborted", confirmed: true, text: "so far" });
    await expect(run.finalText()).rejects.toMatchObject({ kind: "aborted" });
  });

  test.each<[string, Handler]>([
    ["never answers", () => SILENT],
    ["does not know the run", () => ({ ok: true, aborted: false })],
    [
      "refuses it",
      () => {
        throw { code: "INVALID_REQUEST", message: "unauthorized" };
      },
    ],
  ])("a gateway that %s: the stream ends within the grace period", async (_, handler) => {
    const { client } = await open({ "chat.send": started, "chat.abort": handler });
    const run = client.chat({ sessionKey: KEY, message: "m" });
    const events = read(run);
    await sleep(50);
    const asked = Date.now();
    await run.abort();
    expect(Date.now() - asked).toBeLessThan(FAST.abortGraceMs + 200);
    expect((await events).at(-1)).toEqual({ type: "lifecycle", phase: "aborted", confirmed: false, text: "so far" });
  });

  test("while disconnected: ends in time, and is told to the gateway as soon as it is back", async () => {
    const { gateway, client } = await open({
      "chat.send": plays((params, peer) => {
        peer.event("chat", delta(params, 1, "so far"));
        setTimeout(() => peer.cut(), 30);
      }),
    });
    const run = client.chat({ sessionKey: KEY, message: "m" });
    const events = read(run);
    await sleep(150);
    const asked = Date.now();
    await run.abort();
    expect(Date.now() - asked).toBeLessThan(FAST.abortGraceMs + 200);
    expect((await events).at(-1)).toMatchObject({ phase: "aborted", confirmed: false });
    while (gateway.count("chat.abort") === 0) await sleep(20);
    expect(gateway.requests.at(-1)?.params).toEqual({ sessionKey: KEY, runId: run.runId });
  });

  test("by a signal, by leaving the loop, and before it was sent", async () => {
    const { gateway, client } = await open({ "chat.send": started, "chat.abort": () => ({ aborted: true }) });
    const controller = new AbortController();
    const bySignal = client.chat({ sessionKey: KEY, message: "m", signal: controller.signal });
    const waiting = client.chat({ sessionKey: KEY, message: "m" });
    for await (const event of bySignal) if (event.type === "text-delta") controller.abort();
    await waiting.abort();
    expect(gateway.count("chat.send")).toBeLessThanOrEqual(2);
    const left = client.chat({ sessionKey: KEY, message: "m" });
    for await (const event of left) if (event.type === "text-delta") break;
    const stopped = { method: "chat.abort", params: { sessionKey: KEY, runId: left.runId } };
    await vi.waitFor(() => expect(gateway.requests).toContainEqual(stopped));
    const aborted = AbortSignal.abort();
    expect(await read(client.chat({ sessionKey: KEY, message: "m", signal: aborted }))).toEqual([
      { type: "lifecycle", phase: "aborted", confirmed: true, text: "" },
    ]);
  });
});

describe("the token", () => {
  test("is in no error, no event and no object that the client hands out", async () => {
    const { gateway, client } = await open({
      "chat.send": (params) => {
        throw { code: "INVALID_REQUEST", message: `bad token ${gateway.token} in ${String(params["message"])}` };
      },
    });
    const run = client.chat({ sessionKey: KEY, message: "m" });
    const events = await read(run);
    const failure: unknown = await run.finalText().catch((error: unknown) => error);
    const refusal: unknown = await connect({ url: gateway.url, token: "wrong-t0ken" }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ kind: "auth" });
    const inUrl: unknown = await connect({ url: `${gateway.url}?token=${gateway.token}`, token: "x" }).catch(
      (e: unknown) => e,
    );
    expect(inUrl).toMatchObject({ kind: "invalid-argument" });
    const shown = [client, run, events, failure, refusal, inUrl].map(
      (value) =>
        `${inspect(value, { depth: 20, showHidden: true })} ${JSON.stringify(value)} ${(value as Error).stack ?? ""}`,
    );
    for (const text of shown) {
      expect(text).not.toContain(gateway.token);
      expect(text).not.toContain("wrong-t0ken");
    }
    expect(process.argv.join(" ")).not.toContain(gateway.token);
  });

  test("revoked: chats end with an auth error, and so do new ones", async () => {
    const { gateway, client } = await open({ "chat.send": plays((_, peer) => peer.cut()) });
    gateway.accepts = "another";
    const events = await read(client.chat({ sessionKey: KEY, message: "m" }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "auth" });
    expect(client.state).toBe("closed");
    expect(() => client.chat({ sessionKey: KEY, message: "m" })).toThrow(expect.objectContaining({ kind: "auth" }));
  });
});
