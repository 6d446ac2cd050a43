/** The scoped client against real gateways, without the module and with it. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import type { ChatEvent, Client, ConnectOptions, SessionEvent } from "../../src/client.ts";
import { isolationRegister, type OpenBed, openBed } from "../support/gateway/bed.ts";
import { ECHO_MODEL } from "../support/gateway/gateway-config.ts";
import { HEARTBEATS_ON, MAIN_SESSION } from "../support/scene/heartbeat-scene.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { capabilities, toolsWithoutQuestions } from "../support/gateway/capabilities.ts";
import { startTcpProxy } from "../support/wire/tcp-proxy.ts";
import { connectScoped, read, rest, shown, untilText } from "./client-scene.ts";
import { answer, freshSession, say } from "./contract.ts";

const { release } = inject("isolated");
const { marksHeartbeatRuns, preemptsHeartbeats, sendsToolEvents, streamsReasoning } = capabilities(release);
const WAYS = ["without the module", "with the module"] as const;
type Way = (typeof WAYS)[number];

const beds = new Map<Way, OpenBed>();

beforeAll(async () => {
  const models = { providers: { mock: { models: [{ ...ECHO_MODEL, reasoning: true }] } } };
  const config = {
    ...HEARTBEATS_ON,
    models,
    tools: toolsWithoutQuestions(release),
  };
  const [plain, isolated] = await Promise.all([
    openBed(release, { config }),
    openBed(release, { config, preload: isolationRegister() }),
  ]);
  beds.set("without the module", plain).set("with the module", isolated);
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

function clientOf(way: Way, options: Partial<ConnectOptions> = {}): Promise<Client> {
  return connectScoped(beds.get(way)!.gateway, options);
}

describe.each(WAYS)("chats on a gateway %s", (way) => {
  test(`eight chats at once over two connections each get their own text and nothing else, on a gateway ${way}`, async () => {
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
      const json = JSON.stringify(await events);
      for (const id of ids) if (id !== session.id) expect(json).not.toContain(id);
    }
    // The control gateway sent everything to both: the client dropped foreign frames.
    const foreign = clients.reduce((sum, client) => sum + client.dropped.foreignRun, 0);
    if (way === "without the module") expect(foreign).toBeGreaterThan(0);
    else expect(foreign).toBe(0);
    // Alone, since usage is given only if the gateway tells in time.
    const { key, id } = freshSession("client");
    const events = await read(clients[0]!.chat({ sessionKey: key, message: say(id, 12) }));
    expect(events).toContainEqual({ type: "usage", inputTokens: 10, outputTokens: 12, costUsd: 0 });
  });

  test(`a chat reports a tool call, accepts a raw session key, and reports a message that the model refuses, on a gateway ${way}`, async () => {
    const client = await clientOf(way);
    const { id } = freshSession();
    // Lower case: 2026.2 stores a session under the folded key and looks its history up by the key as written.
    const raw = `raw-${id.toLowerCase()}`;
    // At once, since 2026.5 tries a refused message again for a quarter of a minute.
    const refused = read(client.chat({ sessionKey: freshSession().key, message: `[[error id=${id}E status=400]]` }));
    const events = await read(client.chat({ sessionKey: raw, message: `[[tool id=${id} cmd="echo hi" n=3]]` }));
    expect(events.at(-1)).toEqual({ type: "done", text: answer(id, 3) });
    const tools = events.filter(({ type }) => type.startsWith("tool-"));
    if (sendsToolEvents) {
      expect(tools).toEqual([
        expect.objectContaining({ type: "tool-start", name: "exec", arguments: { command: "echo hi" } }),
        expect.objectContaining({ type: "tool-end", name: "exec", isError: false, durationMs: expect.any(Number) }),
      ]);
    }
    const history = await client.history(raw);
    expect(history.map(({ role }) => role)).toEqual(expect.arrayContaining(["user", "assistant"]));
    expect((await refused).at(-1)).toMatchObject({ type: "error", kind: "model", retryable: false });
  });

  // 2026.5 joins a text to the run of the same text, also for a while after its reply, and then runs nothing.
  test(`a chat gets its own answer to a text that another client has just sent, on a gateway ${way}`, async () => {
    const { model } = beds.get(way)!;
    const client = await clientOf(way);
    const other = await beds.get(way)!.connect();
    for (const turn of [1, 2, 3]) {
      const { key, id } = freshSession();
      const message = say(id, 3);
      await other.final((await other.chat(key, message)).runId);
      expect(await client.chat({ sessionKey: key, message }).finalText(), `turn ${turn}`).toBe(answer(id, 3));
      expect(
        model.requests.filter((request) => request.id === id),
        `model calls of turn ${turn}`,
      ).toHaveLength(2);
    }
  });

  test(`a chat reports reasoning on the release that streams it to such clients, on a gateway ${way}`, async () => {
    const client = await clientOf(way);
    const { key, id } = freshSession();
    const events = await read(client.chat({ sessionKey: key, message: `[[say id=${id} n=3 think=3]]` }));
    const reasoning = events.flatMap((event) => (event.type === "reasoning-delta" ? [event.delta] : []));
    expect(reasoning.join("")).toBe(streamsReasoning ? `${id}~0 ${id}~1 ${id}~2` : "");
    expect(events.at(-1)).toEqual({ type: "done", text: answer(id, 3) });
  });

  test(`an aborted chat closes the model's request, on a gateway ${way}`, async () => {
    const { model } = beds.get(way)!;
    const client = await clientOf(way);
    const session = freshSession();
    const run = client.chat({ sessionKey: session.key, message: say(session.id, 200, 50) });
    const events = await untilText(run);
    await run.abort();
    expect((await rest(events)).at(-1)).toMatchObject({ type: "lifecycle", phase: "aborted", confirmed: true });
    expect(await model.waitFor(session.id, PATIENCE_MS, "settled")).toMatchObject({ aborted: true });
  });

  test(`a chat between heartbeats gets whole replies with the module, else an error, and never a heartbeat's text, on a gateway ${way}`, async () => {
    const { model } = beds.get(way)!;
    const client = await clientOf(way);
    const control = await beds.get(way)!.connect();
    const beats = (): number => model.requests.filter(({ id }) => id === "HEARTBEAT").length;
    const results: string[] = [];
    const seen: ChatEvent[] = [];
    // After a reply that it lost, 2026.5 repeats that one instead of the next heartbeat's model call.
    const rounds = way === "without the module" && !preemptsHeartbeats ? 1 : 2;
    for (let round = 0; round < rounds; round += 1) {
      const before = beats();
      await control.request("wake", { mode: "now", text: `event ${round}` });
      await vi.waitFor(() => expect(beats()).toBeGreaterThan(before), { timeout: PATIENCE_MS, interval: 20 });
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
    expect(results).toEqual(rounds === 1 ? ["lost-reply"] : ["whole", "whole"]);
  });
});

describe.each(WAYS)("sessions of a gateway %s", (way) => {
  test(`a subscription reports another client's run and the session's approvals, on a gateway ${way}`, async () => {
    // 2026.9 shows what another connection asked for to admins only.
    const scopes = ["operator.read", "operator.write", "operator.approvals", "operator.admin"];
    const [watcher, other] = [await clientOf(way, { scopes }), await clientOf(way)];
    const [session, foreign] = [freshSession(), freshSession()];
    const seen: SessionEvent[] = [];
    const subscription = watcher.subscribe(session.key, {
      includeUnmarked: !marksHeartbeatRuns,
    });
    const over = (async () => {
      for await (const event of subscription) seen.push(event);
    })();
    await watcher.history(session.key);
    const runs = [session, foreign].map(({ key, id }) => other.chat({ sessionKey: key, message: say(id, 4) }));
    await Promise.all(runs.map((run) => run.finalText()));
    const done = { type: "done", text: answer(session.id, 4), runId: runs[0]!.runId };
    await vi.waitFor(() => expect(seen).toContainEqual(done), { timeout: PATIENCE_MS });

    const control = await beds.get(way)!.connect({ scopes });
    const ask = (key: string) =>
      control
        .request("exec.approval.request", { command: "ls", host: "gateway", sessionKey: key, timeoutMs: 10_000 })
        .catch((error: unknown) => error);
    const asked = [ask(foreign.key), ask(session.key)];
    const approval = (state: string) => seen.filter((event) => event.type === "approval" && event.state === state);
    await vi.waitFor(() => expect(approval("requested")).toHaveLength(1), { timeout: PATIENCE_MS });
    const { id } = approval("requested")[0] as { id: string };
    await control.request("exec.approval.resolve", { id, decision: "deny" });
    await vi.waitFor(() => expect(approval("resolved")).toMatchObject([{ id, decision: "deny" }]), {
      timeout: PATIENCE_MS,
    });
    await Promise.race([Promise.all(asked), sleep(100)]);
    await subscription.close();
    await over;
    expect(JSON.stringify(seen)).not.toContain(foreign.id);
  });

  test(`a chat aborted while the network is cut ends its stream in time, and its run once the network is back, on a gateway ${way}`, async () => {
    const { model, gateway } = beds.get(way)!;
    const proxy = await startTcpProxy(gateway.port);
    onTestFinished(() => proxy.close());
    // Newer releases let only the connection that started a run abort it, or an admin.
    const scopes = ["operator.read", "operator.write", "operator.admin"];
    const client = await clientOf(way, { url: proxy.url, scopes, abortGraceMs: 500 });
    const session = freshSession();
    const run = client.chat({ sessionKey: session.key, message: say(session.id, 300, 50) });
    const events = await untilText(run);
    proxy.cut();
    const at = Date.now();
    await run.abort();
    expect(Date.now() - at).toBeLessThan(1_500);
    expect((await rest(events)).at(-1)).toMatchObject({ type: "lifecycle", phase: "aborted", confirmed: false });
    proxy.heal();
    expect(await model.waitFor(session.id, PATIENCE_MS, "settled")).toMatchObject({ aborted: true });
  });
});
