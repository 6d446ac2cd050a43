import { describe, expect, it } from "vitest";
import { createGatewayBroadcaster } from "./server-broadcast.js";
import { createSessionMessageSubscriberRegistry } from "./server-chat-state.js";
import { GatewayClientRegistry } from "./server/client-registry.js";
import type { GatewayWsClient } from "./server/ws-types.js";

const SESSION = "agent:main:private";
const EVENTS = [
  "agent",
  "chat",
  "chat.side_result",
  "session.message",
  "session.operation",
  "session.tool",
];

function connect(connId: string) {
  const events: string[] = [];
  const socket = {
    readyState: 1,
    bufferedAmount: 0,
    send: (frame: string, done?: () => void) => {
      events.push(JSON.parse(frame).event);
      done?.();
    },
    close: () => {},
    terminate: () => {},
  };
  // No capability: an existing client.
  const connection = { role: "operator", scopes: ["operator.read"] };
  const client = { connId, socket, connect: connection } as unknown as GatewayWsClient;
  return { client, events };
}

function setUp(scoped: boolean) {
  const [subscriber, bystander] = [connect("subscriber"), connect("bystander")];
  const subscribers = createSessionMessageSubscriberRegistry();
  subscribers.subscribe("subscriber", SESSION);
  const { broadcast } = createGatewayBroadcaster({
    clients: new GatewayClientRegistry([subscriber.client, bystander.client]),
    sessionMessageSubscribers: subscribers,
    scopeSessionEventsToSubscribers: () => scoped,
  });
  return { subscriber, bystander, broadcast };
}

describe("gateway.sessionScopedEvents", () => {
  it("delivers session events to subscribers only, whatever a client's caps", () => {
    const { subscriber, bystander, broadcast } = setUp(true);
    for (const event of EVENTS) {
      broadcast(event, { sessionKey: SESSION });
    }
    expect(subscriber.events).toEqual(EVENTS);
    expect(bystander.events).toEqual([]);
  });

  it("delivers a session event without a session to nobody", () => {
    const { subscriber, broadcast } = setUp(true);
    broadcast("agent", { runId: "r1" });
    expect(subscriber.events).toEqual([]);
  });

  it("leaves events that belong to no session, and the roster, alone", () => {
    const { bystander, broadcast } = setUp(true);
    broadcast("tick", { ts: 1 });
    broadcast("sessions.changed", { sessionKey: SESSION });
    expect(bystander.events).toEqual(["tick", "sessions.changed"]);
  });

  it("changes nothing while it is off", () => {
    const { bystander, broadcast } = setUp(false);
    broadcast("chat", { sessionKey: SESSION });
    broadcast("session.operation", { sessionKey: SESSION });
    expect(bystander.events).toEqual(["chat", "session.operation"]);
  });
});
