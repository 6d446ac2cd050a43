import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { replaceSessionEntrySync } from "../config/sessions/session-accessor.js";
import { createGatewayConnectionState } from "./server-connection-state.js";
import type { GatewayWsClient } from "./server/ws-types.js";
import { createSessionRowProjection } from "./session-row-projection.js";

const PARENT = "agent:main:parent";
const CHILD = "agent:main:child";

function connect(connId: string, caps: string[] = []) {
  const frames: { payload: { ancestorSessions?: { key: string }[] } }[] = [];
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

const CAPS = ["session-scoped-events"];

/** A parent and a child in a store of their own, and a connection state that projects their rows. */
async function setUp() {
  const stateDir = mkdtempSync(join(tmpdir(), "ancestor-rows-"));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  vi.stubEnv("OPENCLAW_STATE_DIR", stateDir);
  onTestFinished(() => void vi.unstubAllEnvs());
  const child = { sessionId: "child", updatedAt: 1, parentSessionKey: PARENT };
  replaceSessionEntrySync(
    { agentId: "main", sessionKey: PARENT },
    { sessionId: "parent", updatedAt: 1 },
  );
  replaceSessionEntrySync({ agentId: "main", sessionKey: CHILD }, child);
  const projection = await createSessionRowProjection({ cfg: {}, modelCatalog: [] });
  onTestFinished(() => projection.dispose());
  await projection.ensureMaterialized();
  const state = createGatewayConnectionState({ bootId: "ancestor-rows", cfg: {} });
  onTestFinished(() => state.mentionInbox.dispose());
  onTestFinished(state.attachSessionRowProjection(projection));
  return state;
}

describe("rows of ancestor sessions", () => {
  it(
    "reach those who have subscribed to the ancestor or to the roster",
    { timeout: 120_000 },
    async () => {
      const state = await setUp();
      const peers = {
        child: connect("child"),
        scopedChild: connect("scopedChild", CAPS),
        both: connect("both"),
        scopedBoth: connect("scopedBoth", CAPS),
        roster: connect("roster"),
      };
      for (const { client } of Object.values(peers)) {
        state.clients.add(client);
        state.sessionMessageSubscribers.subscribe(client.connId, CHILD);
      }
      state.sessionMessageSubscribers.subscribe("both", PARENT);
      state.sessionMessageSubscribers.subscribe("scopedBoth", PARENT);
      state.sessionEventSubscribers.subscribe("roster");

      state.broadcastToConnIds(
        "session.message",
        { sessionKey: CHILD, agentId: "main", message: {} },
        new Set(Object.keys(peers)),
      );

      const rows = Object.entries(peers).map(([name, { frames }]) => [
        name,
        frames.map(({ payload }) => payload.ancestorSessions?.map(({ key }) => key)),
      ]);
      expect(Object.fromEntries(rows)).toEqual({
        child: [[]],
        scopedChild: [[]],
        both: [[PARENT]],
        scopedBoth: [[PARENT]],
        roster: [[PARENT]],
      });
    },
  );
});
