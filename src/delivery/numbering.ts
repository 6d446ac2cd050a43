/**
 * How a release numbers event frames (`seq`): up to 2026.4 with one count for all clients, from 2026.5 on with one
 * for each. A frame that a client does not get must not use up one of its numbers.
 */
import type { CreateBroadcaster, GatewayClient, GatewayClients } from "../gateway/types.ts";

export type Numbering = "global" | "per-connection";

/**
 * Determines it by sending two frames to two stand-in connections, one each.
 *
 * @param create the release's own `createGatewayBroadcaster`
 * @throws {Error} if it does not behave like any broadcaster known
 */
export function probeNumbering(create: CreateBroadcaster): Numbering {
  const connected = new Set<GatewayClient>();
  const { broadcast } = create({ clients: asClients(connected) });
  const numberOf = (connId: string): unknown => {
    const frames: string[] = [];
    connected.clear();
    connected.add(standIn({ connId, connect: PROBE }, frames));
    broadcast("tick", { ts: 0 });
    const [frame] = frames;
    return frame === undefined ? undefined : (JSON.parse(frame) as { seq?: unknown }).seq;
  };
  const first = numberOf("probe-1");
  const second = numberOf("probe-2");
  if (first === 1 && second === 2) return "global";
  if (first === 1 && second === 1) return "per-connection";
  throw new Error(`createGatewayBroadcaster numbered two frames ${String(first)} and ${String(second)}`);
}

/**
 * Whether the release's broadcaster lets a connection have an event at all, by role and scopes. If frames are
 * numbered globally, an event that upstream withholds would still use up a number.
 */
export function passesScopes(create: CreateBroadcaster, client: GatewayClient, event: string): boolean {
  const frames: string[] = [];
  try {
    create({ clients: asClients(new Set([standIn(client, frames)])) }).broadcast(event, {});
  } catch {
    return true; // a broadcaster that wants a real payload: let it judge the real event
  }
  return frames.length > 0;
}

const PROBE = { role: "operator", scopes: ["operator.admin"], caps: [], client: { id: "probe", mode: "probe" } };

function asClients(set: Set<GatewayClient>): GatewayClients {
  return Object.assign(set, {
    getByConnectionId: (id: string) => [...set].find((client) => client.connId === id),
    getByConnectionIds: (ids: Iterable<string>) => {
      const wanted = new Set(ids);
      return [...set].filter((client) => wanted.has(client.connId));
    },
  });
}

/** A stand-in connection that collects its frames. */
function standIn({ connId, connect }: GatewayClient, frames: string[]): GatewayClient {
  const socket = {
    bufferedAmount: 0,
    readyState: 1, // OPEN
    send: (frame: string, done?: () => void) => {
      frames.push(frame);
      done?.();
    },
    close: () => {},
    terminate: () => {},
  };
  return { connId, connect, socket } as GatewayClient;
}
