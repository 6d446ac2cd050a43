import { describe, expect, it } from "vitest";
import { createGatewayBroadcaster } from "./server-broadcast.js";
import { createSessionMessageSubscriberRegistry } from "./server-chat-state.js";
import { GatewayClientRegistry } from "./server/client-registry.js";
import type { GatewayWsClient } from "./server/ws-types.js";

const SESSION = "agent:main:private";

function connect(connId: string, caps: string[]) {
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
  const connection = { role: "operator", scopes: ["operator.read"], caps };
  const client = { connId, socket, connect: connection } as unknown as GatewayWsClient;
  return { client, events };
}

describe("session.message and the broad sessions.subscribe", () => {
  it("keeps the transcript of sessions that a scoped client has not subscribed to from it", () => {
    const roster = connect("roster", ["session-scoped-events"]);
    const subscriber = connect("subscriber", ["session-scoped-events"]);
    const unscoped = connect("unscoped", []);
    const everybody = [roster, subscriber, unscoped];
    const subscribers = createSessionMessageSubscriberRegistry();
    subscribers.subscribe("subscriber", SESSION);
    const { broadcastToConnIds } = createGatewayBroadcaster({
      clients: new GatewayClientRegistry(everybody.map(({ client }) => client)),
      sessionMessageSubscribers: subscribers,
    });
    // The transcript handler adds the broad subscribers to those of the session.
    const recipients = new Set(everybody.map(({ client }) => client.connId));

    broadcastToConnIds(
      "session.message",
      { sessionKey: SESSION, message: { role: "user" } },
      recipients,
    );
    broadcastToConnIds("sessions.changed", { sessionKey: SESSION, phase: "message" }, recipients);

    expect(roster.events).toEqual(["sessions.changed"]);
    expect(subscriber.events).toEqual(["session.message", "sessions.changed"]);
    expect(unscoped.events).toEqual(["session.message", "sessions.changed"]);
  });
});
