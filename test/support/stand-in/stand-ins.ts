/** Stand-ins for a gateway's clients and broadcasters, one of each kind of numbering. */
import type { Broadcaster, BroadcasterParams, GatewayClient, GatewayClients } from "../../../src/gateway/types.ts";

export interface SentFrame {
  readonly event: string;
  readonly payload: unknown;
  readonly seq?: number;
}

export interface FakeClient extends GatewayClient {
  readonly frames: SentFrame[];
  readonly socket: { send(frame: string, done?: () => void): void };
  /** Runs on each frame: what a real socket may set off while the gateway is still sending. */
  onFrame: (frame: SentFrame) => void;
}

type Connect = GatewayClient["connect"] & { readonly scopes?: readonly string[] };

export function fakeClient(connId: string, connect: Connect = { role: "operator" }): FakeClient {
  const client: FakeClient = {
    connId,
    connect,
    frames: [],
    onFrame: () => {},
    socket: {
      send: (text) => {
        const frame = JSON.parse(text) as SentFrame;
        client.frames.push(frame);
        client.onFrame(frame);
      },
    },
  };
  return client;
}

/** As 2026.8 on: a set that also looks clients up by id. */
export class FakeClients extends Set<GatewayClient> implements GatewayClients {
  getByConnectionId(connId: string): GatewayClient | undefined {
    return this.getByConnectionIds([connId])[0];
  }

  getByConnectionIds(connIds: Iterable<string>): GatewayClient[] {
    const wanted = new Set(connIds);
    const found: GatewayClient[] = [];
    super.forEach((client) => {
      if (wanted.has(client.connId)) found.push(client);
    });
    return found;
  }
}

export interface FakeParams extends BroadcasterParams {
  readonly onBroadcast?: (event: string, payload: unknown) => void;
}

interface FakeOptions {
  readonly sessionKeys?: readonly string[];
  readonly agentId?: string;
  /** Kept back until `flush`. */
  readonly liveText?: boolean;
}

export interface FakeBroadcaster extends Broadcaster {
  flush?(): void;
  getBufferedAmount?(): number;
}

/** Upstream's own gate, cut down: approvals are for those with the scope. */
function passes(client: GatewayClient, event: string): boolean {
  return (
    !event.startsWith("exec.approval.") || (client.connect as Connect).scopes?.includes("operator.approvals") === true
  );
}

function write(client: GatewayClient, frame: SentFrame): void {
  (client as FakeClient).socket.send(JSON.stringify({ type: "event", ...frame }));
}

/** As 2026.5 on: a count for each connection. */
export function perConnection(params: FakeParams): FakeBroadcaster {
  const counts = new WeakMap<GatewayClient, number>();
  const keptBack: (() => void)[] = [];
  const one = (client: GatewayClient, event: string, payload: unknown, opts?: FakeOptions): void => {
    if (!passes(client, event)) return;
    if (params.canReceiveSessionEvent?.(client, opts?.sessionKeys, opts?.agentId, event, payload) === false) return;
    if (opts?.liveText) return void keptBack.push(() => one(client, event, payload, { ...opts, liveText: false }));
    const seq = (counts.get(client) ?? 0) + 1;
    counts.set(client, seq);
    write(client, { event, payload, seq });
  };
  return {
    broadcast: (event, payload, opts) => {
      for (const client of params.clients) one(client, event, payload, opts as FakeOptions);
      params.onBroadcast?.(event, payload);
    },
    broadcastToConnIds: (event, payload, ids, opts) => {
      for (const client of params.clients.getByConnectionIds?.(ids) ?? [])
        one(client, event, payload, opts as FakeOptions);
    },
    broadcastPluginEvent: (event, payload) => {
      for (const client of params.clients) one(client, event, payload);
    },
    getBufferedAmount: () => 7,
    flush: () => keptBack.splice(0).forEach((send) => send()),
  };
}

/** Up to 2026.4: one count for all, targeted frames without a number. */
export function global(params: FakeParams): FakeBroadcaster {
  let seq = 0;
  return {
    broadcast: (event, payload) => {
      seq += 1;
      for (const client of params.clients) if (passes(client, event)) write(client, { event, payload, seq });
    },
    broadcastToConnIds: (event, payload, ids) => {
      for (const client of params.clients)
        if (ids.has(client.connId) && passes(client, event)) write(client, { event, payload });
    },
  };
}
