import { describe, expect, it, onTestFinished } from "vitest";
import { createGatewayConnectionState } from "./server-connection-state.js";
import type { GatewayWsClient } from "./server/ws-types.js";

const VAULT = "agent:main:vault";

function connect(connId: string, caps: string[] = []) {
  const frames: { event: string; payload: unknown; seq: number }[] = [];
  const socket = {
    readyState: 1,
    bufferedAmount: 0,
    send: (frame: string, done?: () => void) => {
      frames.push(JSON.parse(frame));
      done?.();
    },
    close: () => {},
    terminate: () => {},
  };
  const connection = {
    client: { id: "gateway-client" },
    role: "operator",
    scopes: ["operator.read"],
    caps,
  };
  return { client: { connId, socket, connect: connection } as unknown as GatewayWsClient, frames };
}

function setUp() {
  const caps = ["session-scoped-events"];
  const peers = {
    bystander: connect("bystander"),
    scoped: connect("scoped", caps),
    scopedRoster: connect("scopedRoster", caps),
    roster: connect("roster"),
    reader: connect("reader", caps),
  };
  const state = createGatewayConnectionState({ bootId: "run-events", cfg: {} });
  onTestFinished(() => state.mentionInbox.dispose());
  for (const { client } of Object.values(peers)) {
    state.clients.add(client);
  }
  state.sessionEventSubscribers.subscribe("roster");
  state.sessionEventSubscribers.subscribe("scopedRoster");
  state.sessionMessageSubscribers.subscribe("reader", VAULT);
  const texts = () =>
    Object.fromEntries(
      Object.entries(peers).map(([name, { frames }]) => [
        name,
        frames.map(({ payload }) => JSON.stringify(payload).includes("SECRET")),
      ]),
    );
  return { peers, broadcast: state.broadcast, texts };
}

const TO_SUBSCRIBERS = {
  bystander: [false],
  scoped: [false],
  scopedRoster: [false],
  roster: [true],
  reader: [true],
};

describe("task and cron events", () => {
  it("carry the text of a task to those who subscribed, and its status to all", () => {
    const { peers, broadcast, texts } = setUp();
    const task = {
      id: "t1",
      status: "completed",
      childSessionKey: VAULT,
      terminalSummary: "SECRET",
    };
    broadcast("task", { action: "upserted", task }, { dropIfSlow: true, sessionKeys: [VAULT] });
    expect(texts()).toEqual(TO_SUBSCRIBERS);
    expect(peers.scoped.frames).toEqual([
      expect.objectContaining({
        payload: { action: "upserted", task: { id: "t1", status: "completed" } },
        seq: 1,
      }),
    ]);
  });

  it("carry the prompt of a job to those who subscribed, and the job's id to all", () => {
    const { peers, broadcast, texts } = setUp();
    const job = { id: "j1", sessionTarget: `session:${VAULT}`, payload: { message: "SECRET" } };
    broadcast(
      "cron",
      { jobId: "j1", action: "added", job },
      { dropIfSlow: true, sessionKeys: [VAULT] },
    );
    expect(texts()).toEqual(TO_SUBSCRIBERS);
    expect(peers.bystander.frames).toEqual([
      expect.objectContaining({ payload: { jobId: "j1", action: "added" }, seq: 1 }),
    ]);
  });

  it("reach everybody whole where they say nothing of a session", () => {
    const { peers, broadcast } = setUp();
    broadcast("task", { action: "deleted", taskId: "t1" });
    broadcast("task", { action: "restored" });
    for (const { frames } of Object.values(peers)) {
      expect(frames.map(({ payload }) => payload)).toEqual([
        { action: "deleted", taskId: "t1" },
        { action: "restored" },
      ]);
    }
  });
});
