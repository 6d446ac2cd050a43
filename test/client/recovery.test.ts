/** Whatever fails, a run ends: with its reply, or with a typed error within a bound. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { SILENT, type StandIn } from "../support/wire/stand-in-gateway.ts";
import { answered, delta, FAST, final, history, KEY, open, plays, read } from "./open-client.ts";

/** The idempotency key of each `chat.send`. */
function keysSent({ requests }: StandIn): unknown[] {
  return requests.filter(({ method }) => method === "chat.send").map(({ params }) => params["idempotencyKey"]);
}

describe("a run cannot hang", () => {
  test("a chat whose final was lost takes the outcome from the history", async () => {
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

  test("a chat whose final was lost and whose history has no reply ends with a typed error", async () => {
    const { client } = await open({
      "chat.send": plays(() => undefined),
      "agent.wait": () => ({ status: "ok", endedAt: 1 }),
    });
    const events = await read(client.chat({ sessionKey: KEY, message: "m" }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "lost-reply", retryable: false });
  });

  test("a chat whose message was never run takes the empty final for a lost reply, not an empty one", async () => {
    const { client } = await open({ "chat.send": plays((params, peer) => peer.event("chat", final(params, 1))) });
    expect((await read(client.chat({ sessionKey: KEY, message: "m" }))).at(-1)).toMatchObject({ kind: "lost-reply" });
  });

  test("a chat that loses its connection in mid-run reconnects and goes on with the frames", async () => {
    const { gateway, client } = await open(
      {
        "chat.send": plays(async (params, peer) => {
          peer.event("chat", delta(params, 1, "a"));
          await sleep(20);
          peer.cut();
          await vi.waitFor(() => expect(gateway.count("chat.history")).toBeGreaterThan(0), {
            interval: 10,
            timeout: 4_500,
          });
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

  test("a chat cut before the answer is sent again with the same key, once per connection", async () => {
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
    const keys = keysSent(gateway);
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
  });

  test("a chat joined to a run that is over is sent again with the same key until it is run", async () => {
    const { gateway, client } = await open(
      {
        "chat.send": (params, peer) => {
          if (gateway.count("chat.send") < 3) return { runId: "earlier", status: "in_flight" };
          setImmediate(() => peer.event("chat", final(params, 1, "x")));
          return { runId: params["idempotencyKey"], status: "started" };
        },
        "agent.wait": ({ runId }) => (runId === "earlier" ? { status: "ok", endedAt: 1 } : { status: "timeout" }),
      },
      { recoverMs: 5_000 },
    );
    expect(await client.chat({ sessionKey: KEY, message: "m", usage: false }).finalText()).toBe("x");
    const keys = keysSent(gateway);
    expect([keys.length, new Set(keys).size]).toEqual([3, 1]);
  });

  test("a chat joined to finished runs for longer than recoverMs ends as a lost reply", async () => {
    const { client } = await open(
      {
        "chat.send": () => ({ runId: "earlier", status: "in_flight" }),
        "agent.wait": () => ({ status: "ok", endedAt: 1 }),
      },
      { recoverMs: 1_000 },
    );
    const events = await read(client.chat({ sessionKey: KEY, message: "m", usage: false }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "lost-reply" });
  });

  test("a chat cut before the answer is not sent again to a gateway that restarted meanwhile", async () => {
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

  test(
    "a chat ends with a typed error within its bounds when the gateway stops answering",
    { timeout: 8_000 },
    async () => {
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
    },
  );

  test("a chat ends with a typed error within its bound when the gateway is gone for good", async () => {
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

  test("a chat ends after timeoutMs and aborts its run", async () => {
    const { gateway, client } = await open({
      "chat.send": plays(() => undefined),
      "agent.wait": () => ({ status: "timeout" }),
    });
    const events = await read(client.chat({ sessionKey: KEY, message: "m", timeoutMs: 200 }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "timeout", retryable: false });
    await sleep(50);
    expect(gateway.count("chat.abort")).toBe(1);
  });

  test("a chat that is not read stays bounded, ends with a typed error, and aborts its run", async () => {
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

  test("a closed client ends its chats", async () => {
    const { client } = await open({ "chat.send": plays(() => undefined) });
    const text = client.chat({ sessionKey: KEY, message: "m" }).finalText();
    text.catch(() => undefined);
    await sleep(50);
    await client.close();
    await expect(text).rejects.toMatchObject({ kind: "closed" });
    expect(() => client.chat({ sessionKey: KEY, message: "m" })).toThrow(expect.objectContaining({ kind: "closed" }));
  });
});
