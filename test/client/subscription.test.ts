/** A subscription: its session's runs, messages and approvals, nothing of a heartbeat. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { SessionEvent, Subscription } from "../../src/client.ts";
import type { Peer } from "../support/wire/stand-in-gateway.ts";
import { final, KEY, open, plays } from "./open-client.ts";

function collect(subscription: Subscription): { events: SessionEvent[]; over: Promise<void> } {
  const events: SessionEvent[] = [];
  const over = (async () => {
    for await (const event of subscription) events.push(event);
  })();
  return { events, over };
}

const chat = (runId: string, text: string, more: object = {}) => ({
  runId,
  sessionKey: KEY,
  seq: 2,
  state: "final",
  message: { content: text },
  ...more,
});
const mark = (runId: string, isHeartbeat: boolean) => ({
  runId,
  sessionKey: KEY,
  isHeartbeat,
  seq: 1,
  stream: "run_status",
  data: {},
});

async function withPeer(options: Parameters<typeof open>[0] = {}) {
  const { gateway, client } = await open(options, { recoverMs: 5_000 });
  const peer = (): Peer => [...gateway.peers][0]!;
  return { gateway, client, peer };
}

test("a subscription receives marked runs of others with their ids, but no heartbeats, other sessions or unmarked runs", async () => {
  const { client, peer, gateway } = await withPeer();
  const { events } = collect(client.subscribe("s"));
  await sleep(50);
  peer().event("agent", mark("r1", false));
  peer().event("chat", chat("r1", "hello"));
  peer().event("agent", mark("r2", true));
  peer().event("chat", chat("r2", "HEARTBEAT_OK"));
  peer().event("chat", chat("r3", "unmarked"));
  peer().event("chat", chat("r1", "x", { sessionKey: "agent:main:other" }));
  peer().event("session.message", { sessionKey: KEY, message: { role: "assistant", content: "HEARTBEAT_OK" } });
  const own = { role: "user", content: "hi", idempotencyKey: "k:user" };
  peer().event("session.message", { sessionKey: KEY, message: own });
  await sleep(50);
  expect(events).toEqual([
    { type: "text-delta", delta: "hello", runId: "r1" },
    { type: "lifecycle", phase: "end", runId: "r1" },
    { type: "done", text: "hello", runId: "r1" },
    { type: "message", message: expect.objectContaining({ role: "user", text: "hi" }) },
  ]);
  expect(gateway.requests.map(({ method }) => method)).toEqual(["sessions.messages.subscribe", "chat.history"]);
});

test("a subscription with includeUnmarked receives unmarked runs of releases before 2026.9, but never a marked heartbeat", async () => {
  const { client, peer } = await withPeer();
  const { events } = collect(client.subscribe(KEY, { includeUnmarked: true }));
  await sleep(50);
  peer().event("chat", chat("r3", "unmarked"));
  peer().event("agent", mark("r2", true));
  peer().event("chat", chat("r2", "HEARTBEAT_OK"));
  await sleep(50);
  expect(events.filter(({ type }) => type === "done")).toEqual([{ type: "done", text: "unmarked", runId: "r3" }]);
});

test("a subscription receives the client's own chats on every release", async () => {
  const { client } = await withPeer({
    "chat.send": plays((params, peer) => peer.event("chat", final(params, 1, "own"))),
  });
  const { events } = collect(client.subscribe(KEY));
  const run = client.chat({ sessionKey: KEY, message: "m", usage: false });
  await run.finalText();
  await sleep(20);
  expect(events.at(-1)).toEqual({ type: "done", text: "own", runId: run.runId });
});

test("a subscription receives the approvals of its own session, by the session of their request", async () => {
  const { client, peer } = await withPeer();
  const { events } = collect(client.subscribe(KEY));
  await sleep(50);
  const request = (sessionKey?: string) => ({ command: "rm -rf x", ...(sessionKey ? { sessionKey } : {}) });
  peer().event("exec.approval.requested", { id: "a1", request: request(KEY) });
  peer().event("exec.approval.requested", { id: "a2", request: request("agent:main:other") });
  peer().event("exec.approval.requested", { id: "a3", request: request() });
  for (const id of ["a1", "a2", "a3"]) peer().event("exec.approval.resolved", { id, decision: "deny" });
  await sleep(50);
  expect(events).toEqual([
    { type: "approval", state: "requested", id: "a1", command: "rm -rf x", decision: undefined },
    { type: "approval", state: "resolved", id: "a1", command: undefined, decision: "deny" },
  ]);
});

test("a subscription resumes after a lost connection and reports the gap", async () => {
  const { client, gateway, peer } = await withPeer();
  const { events } = collect(client.subscribe(KEY));
  await sleep(50);
  peer().cut();
  await expect.poll(() => gateway.count("chat.history"), { timeout: 4_500 }).toBeGreaterThan(1);
  peer().event("agent", mark("r1", false));
  peer().event("chat", chat("r1", "after"));
  await sleep(50);
  expect(events[0]).toEqual({ type: "gap" });
  expect(events.at(-1)).toEqual({ type: "done", text: "after", runId: "r1" });
});

test("a subscription unsubscribes when it is closed, and ends with an error when it is not read", async () => {
  const { client, gateway, peer } = await withPeer();
  const first = client.subscribe(KEY);
  const { over } = collect(first);
  await sleep(20);
  await first.close();
  await over;
  const second = client.subscribe(KEY);
  await sleep(20);
  for (let i = 0; i < 2000; i += 1) {
    peer().event("agent", mark(`r${i}`, false));
    peer().event("chat", chat(`r${i}`, "x"));
  }
  await sleep(300);
  const slow = collect(second);
  await slow.over;
  expect(slow.events.at(-1)).toMatchObject({ type: "error", kind: "slow-consumer" });
  expect(slow.events.length).toBeLessThanOrEqual(1001);
  await expect.poll(() => gateway.count("sessions.messages.unsubscribe")).toBe(2);
});

test("wake sends the text, and the session key only where it counts", async () => {
  const { client, gateway } = await withPeer();
  await client.wake({ text: "look" });
  await client.wake({ text: "look", sessionKey: "main" });
  await client.wake({ text: "look", sessionKey: KEY });
  expect(gateway.requests.map(({ params }) => params["sessionKey"])).toEqual([undefined, undefined, KEY]);
  await expect(client.wake({ text: " " })).rejects.toMatchObject({ kind: "invalid-argument" });
});
