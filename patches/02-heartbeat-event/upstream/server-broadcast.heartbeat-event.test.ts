import { describe, expect, it } from "vitest";
import { createGatewayBroadcaster } from "./server-broadcast.js";
import { createSessionMessageSubscriberRegistry } from "./server-chat-state.js";
import { GatewayClientRegistry } from "./server/client-registry.js";
import type { GatewayWsClient } from "./server/ws-types.js";

const SESSION = "agent:main:main";

function connect(connId: string, scopes: string[], role = "operator") {
  const frames: { event: string; payload: Record<string, unknown> }[] = [];
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
  const client = { connId, socket, connect: { role, scopes } } as unknown as GatewayWsClient;
  return { client, frames };
}

describe("heartbeat events", () => {
  it("needs operator.read, and shows its preview to subscribers of its session only", () => {
    const reader = connect("reader", ["operator.read"]);
    const bystander = connect("bystander", ["operator.read"]);
    const approver = connect("approver", ["operator.approvals"]);
    const node = connect("node", [], "node");
    const subscribers = createSessionMessageSubscriberRegistry();
    subscribers.subscribe("reader", SESSION);
    const { broadcast } = createGatewayBroadcaster({
      clients: new GatewayClientRegistry(
        [reader, bystander, approver, node].map(({ client }) => client),
      ),
      sessionMessageSubscribers: subscribers,
    });

    broadcast(
      "heartbeat",
      { ts: 1, status: "sent", preview: "the disk is full" },
      { sessionKeys: [SESSION] },
    );

    expect(reader.frames.map(({ payload }) => payload)).toEqual([
      { ts: 1, status: "sent", preview: "the disk is full" },
    ]);
    expect(bystander.frames.map(({ payload }) => payload)).toEqual([{ ts: 1, status: "sent" }]);
    expect(approver.frames).toEqual([]);
    expect(node.frames).toEqual([]);
  });
});
