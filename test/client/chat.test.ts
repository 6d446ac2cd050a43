/** One chat: its own run and nothing else. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ClientError } from "../../src/client.ts";
import { answered, delta, final, frame, KEY, open, plays, read } from "./open-client.ts";

describe("a chat", () => {
  test("a chat streams its own run and nothing else", async () => {
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

  test("a chat needs a session key, a message, and no history", async () => {
    const { gateway, client } = await open({});
    const wrong: object[] = [{ message: "m" }, { sessionKey: "", message: "m" }, { sessionKey: KEY, message: " " }];
    wrong.push({ sessionKey: KEY, message: "m", history: [] }, { sessionKey: KEY, message: "m", timeoutMs: -1 });
    for (const options of wrong) {
      expect(() => client.chat(options as never)).toThrow(expect.objectContaining({ kind: "invalid-argument" }));
    }
    expect(() => client.chat(undefined as never)).toThrow(ClientError);
    expect(gateway.requests).toEqual([]);
  });

  test("chats on one session wait for each other, and chats on others do not", async () => {
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

  test("a chat with a repeated idempotency key is sent once and answered again", async () => {
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

  test("a refused message ends its chat with an error that has the gateway's code", async () => {
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
