/** An abort ends the stream in time, whatever the gateway does. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { type Handler, SILENT } from "../support/wire/stand-in-gateway.ts";
import { delta, FAST, KEY, open, plays, read } from "./open-client.ts";

describe("abort", () => {
  const started = plays((params, peer) => peer.event("chat", delta(params, 1, "so far")));

  test("an aborted chat's stream ends with the gateway's last frame", async () => {
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
  ])("an aborted chat's stream ends within the grace period when the gateway %s", async (_, handler) => {
    const { client } = await open({ "chat.send": started, "chat.abort": handler });
    const run = client.chat({ sessionKey: KEY, message: "m" });
    const events = read(run);
    await sleep(50);
    const asked = Date.now();
    await run.abort();
    expect(Date.now() - asked).toBeLessThan(FAST.abortGraceMs + 200);
    expect((await events).at(-1)).toEqual({ type: "lifecycle", phase: "aborted", confirmed: false, text: "so far" });
  });

  test("a chat aborted while disconnected ends in time, and the gateway hears of it once it is back", async () => {
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
    await expect.poll(() => gateway.count("chat.abort"), { timeout: 4_500 }).toBeGreaterThan(0);
    expect(gateway.requests.at(-1)?.params).toEqual({ sessionKey: KEY, runId: run.runId });
  });

  test("a chat is aborted by a signal, by leaving the loop, and before it was sent", async () => {
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
