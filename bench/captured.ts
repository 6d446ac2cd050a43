/** The gateway's own broadcaster, taken out of the installed bundle, with stub connections. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BroadcasterParams, CreateBroadcaster, GatewayClient, GatewayClients } from "../src/gateway/types.ts";
import type { BuiltModule } from "./scene.ts";

export const BROADCASTER = "createGatewayBroadcaster";

export type Captured = {
  readonly create: CreateBroadcaster;
  /** From 2026.8 on the gateway passes more than the set, and clients are looked up by id. */
  readonly isIndexed: boolean;
  /** The release's own check of each recipient, as its gateway passes it; older releases have none. */
  readonly canReceive: NonNullable<BroadcasterParams["canReceiveSessionEvent"]> | undefined;
  /** The release's web push, which looks at every event, likewise. */
  readonly handleEvent: ((...event: unknown[]) => void) | undefined;
};

/** From 2026.8 on: who may read a session, and the facts about a recipient that this check needs. */
const MAY_READ = "canReceiveSessionEvent";
const RECIPIENT = "prepareProjectedSessionSharing";
const WEB_PUSH = "createEventWebPushDelivery";
/** The configuration that a gateway has loaded: it is asked for at each event, and for each recipient. */
const CONFIG = "getRuntimeConfig";
const SET_CONFIG = "setRuntimeConfigSnapshot";

/** The gateway's broadcaster factory. Importing its chunk runs declarations, and starts nothing. */
export async function captureBroadcaster(built: BuiltModule, root: string, chunk: string): Promise<Captured> {
  const found = new Map<string, unknown>();
  built.installLoader(
    root,
    [BROADCASTER, MAY_READ, RECIPIENT, WEB_PUSH, CONFIG, SET_CONFIG],
    (name, original) => {
      found.set(name, original);
      return original;
    },
    () => {},
  );
  await import(pathToFileURL(join(root, chunk)).href);
  const busy = process.getActiveResourcesInfo().filter((resource) => resource !== "PipeWrap");
  const create = functionOf<CreateBroadcaster>(found, BROADCASTER);
  if (busy.length > 0) throw new Error(`importing ${chunk} started something: ${busy.join(", ")}`);
  const isIndexed = /getByConnectionId/.test(String(create));
  return {
    create,
    isIndexed,
    canReceive: isIndexed ? checkOf(found) : undefined,
    handleEvent: isIndexed ? webPushOf(found) : undefined,
  };
}

function functionOf<F extends (...args: never[]) => unknown>(found: ReadonlyMap<string, unknown>, name: string): F {
  const value = found.get(name);
  if (typeof value !== "function") throw new Error(`the broadcaster's chunks declare no ${name}`);
  return value as F;
}

function webPushOf(found: ReadonlyMap<string, unknown>): Captured["handleEvent"] {
  const create = functionOf<(deps: object) => { handleEvent: Captured["handleEvent"] }>(found, WEB_PUSH);
  return create({ getRuntimeConfig: configOf(found) }).handleEvent;
}

/** The release's reading of its configuration, which is empty here. */
function configOf(found: ReadonlyMap<string, unknown>): () => unknown {
  functionOf<(config: object) => void>(found, SET_CONFIG)({});
  return functionOf(found, CONFIG);
}

/** The check of a recipient by the release's functions, as its gateway puts them together; nobody is a member of a session. */
function checkOf(found: ReadonlyMap<string, unknown>): Captured["canReceive"] {
  const mayRead = functionOf<(asked: object) => boolean>(found, MAY_READ);
  const recipient = functionOf<(asked: object) => unknown>(found, RECIPIENT);
  const config = configOf(found);
  const members = { has: (_session: unknown, _identity: unknown) => false };
  return (client, sessionKeys, agentId, event, payload) => {
    try {
      const cfg = config();
      const isMember = (session: unknown, identity: unknown) => members.has(session, identity);
      const prepared = { sharing: recipient({ cfg, client, isMember }), target: (key: unknown) => (key ? null : cfg) };
      return mayRead({ cfg, client, sessionKeys, agentId, event, payload, ...(members && { prepared }) });
    } catch {
      return false;
    }
  };
}

/**
 * What the gateway passes to the factory: an empty set of clients, and callbacks. The check of each recipient is the
 * release's own, and so is its web push; the others do nothing.
 *
 * @param subscribers connection ids that subscribed to a session, for upstream's opt-in cap
 */
export function gatewayParams(
  { isIndexed, canReceive, handleEvent }: Captured,
  subscribers: (key: string) => ReadonlySet<string>,
): BroadcasterParams {
  if (!isIndexed) return { clients: new Set<GatewayClient>() };
  const more = {
    sessionMessageSubscribers: { get: subscribers },
    ...(canReceive && { canReceiveSessionEvent: canReceive }),
    prepareSessionEventProjection: () => undefined,
    ...(handleEvent && {
      onBroadcast: (event: unknown, payload: unknown, opts: unknown) => handleEvent(event, payload, opts),
    }),
  };
  return { clients: new Registry(), ...more };
}

/** As `GatewayClientRegistry` of 2026.9.6; earlier releases use a plain Set. */
class Registry extends Set<GatewayClient> implements GatewayClients {
  readonly #byConnectionId = new Map<string, { readonly client: GatewayClient; readonly order: number }>();
  #nextOrder = 0;

  override add(client: GatewayClient): this {
    if (!this.has(client)) this.#byConnectionId.set(client.connId, { client, order: this.#nextOrder++ });
    return super.add(client);
  }

  override delete(client: GatewayClient): boolean {
    this.#byConnectionId.delete(client.connId);
    return super.delete(client);
  }

  getByConnectionId(connId: string): GatewayClient | undefined {
    return this.#byConnectionId.get(connId)?.client;
  }

  getByConnectionIds(connIds: Iterable<string>): GatewayClient[] {
    const indexed = [...connIds]
      .map((connId) => this.#byConnectionId.get(connId))
      .filter((entry) => entry !== undefined);
    if (indexed.length > 1) indexed.sort((a, b) => a.order - b.order);
    return indexed.map((entry) => entry.client);
  }
}

/** A socket that takes every frame at once. */
export class Socket {
  static frames = 0;
  readonly readyState = 1;
  readonly bufferedAmount = 0;

  send(_frame: string, sent?: () => void): void {
    Socket.frames += 1;
    sent?.();
  }
}

/** A connected operator. */
export function clientAt(index: number, caps: readonly string[] = [], id = "gateway-client"): GatewayClient {
  const connect = {
    role: "operator",
    scopes: ["operator.read", "operator.write"],
    caps,
    client: { id, mode: "backend", version: "0", platform: "linux" },
  };
  return { connId: `conn-${index}`, connect, socket: new Socket() } as GatewayClient;
}
