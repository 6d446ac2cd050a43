/**
 * Measured process of part b: the broadcaster of a release, taken out of the installed bundle, in
 * one variant. Arguments: variant, the package's folder, the chunk that declares the broadcaster.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Broadcaster, CreateBroadcaster, GatewayClient, GatewayClients } from "../src/host/gateway-types.ts";
import { serve, type World } from "./measured.ts";
import {
  builtModule,
  type ChatEvents,
  chatDeltas,
  claimOwnSessions,
  newScope,
  sessionKey,
  watchedSession,
} from "./scene.ts";

export type BroadcasterVariant = "unprotected" | "opt-in" | "module" | "targeted";

const [variant, root, chunk] = process.argv.slice(2) as [BroadcasterVariant, string, string];
const built = await builtModule();

/** The gateway's broadcaster factory. Importing its chunk runs declarations, and starts nothing. */
async function capture(): Promise<CreateBroadcaster> {
  const name = "createGatewayBroadcaster";
  let found: unknown;
  built.installLoader(
    root,
    [name],
    (_, original) => (found = original),
    () => {},
  );
  await import(pathToFileURL(join(root, chunk)).href);
  const busy = process.getActiveResourcesInfo().filter((resource) => resource !== "PipeWrap");
  if (typeof found !== "function") throw new Error(`${chunk} did not declare ${name}`);
  if (busy.length > 0) throw new Error(`importing ${chunk} started something: ${busy.join(", ")}`);
  return found as CreateBroadcaster;
}

/** As `GatewayClientRegistry` of 2026.9.6; earlier releases use a plain Set. */
class Registry extends Set<GatewayClient> implements GatewayClients {
  readonly #byConnectionId = new Map<string, { readonly client: GatewayClient; readonly order: number }>();
  #nextOrder = 0;

  override add(client: GatewayClient): this {
    if (!this.has(client)) this.#byConnectionId.set(client.connId, { client, order: this.#nextOrder++ });
    return super.add(client);
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
class Socket {
  static frames = 0;
  readonly readyState = 1;
  readonly bufferedAmount = 0;

  send(_frame: string, sent?: () => void): void {
    Socket.frames += 1;
    sent?.();
  }
}

const create = await capture();
/** From 2026.8 on the gateway passes more than the set, and clients are looked up by id. */
const isIndexed = /getByConnectionId/.test(String(create));

serve((size): World => {
  const clients: GatewayClients = isIndexed ? new Registry() : new Set<GatewayClient>();
  const watched = watchedSession(size);
  const key = sessionKey(watched);
  const subscribers = new Set([`conn-${watched}`]);
  const nobody = new Set<string>();
  // Callbacks that allow everything: the gateway's own cost more, for each recipient.
  const params = {
    clients,
    ...(isIndexed
      ? {
          sessionMessageSubscribers: { get: (asked: string) => (asked === key ? subscribers : nobody) },
          canReceiveSessionEvent: () => true,
          prepareSessionEventProjection: () => undefined,
          onBroadcast: () => {},
        }
      : {}),
  };
  const scope = variant === "module" ? newScope(built) : undefined;
  const broadcaster = scope ? built.scopeBroadcaster(create, params, scope) : create(params);
  const list = Array.from({ length: size }, (_, index) => clientAt(index));
  for (const client of list) clients.add(client);
  if (scope) claimOwnSessions(scope, list, built.claimIntent);
  const events = chatDeltas(key, isIndexed ? "2026.9" : "2026.5");
  return {
    emit: variant === "targeted" ? targetedEmitter(broadcaster, events, subscribers) : emitter(broadcaster, events),
    frames: () => Socket.frames,
  };
});

function emitter({ broadcast }: Broadcaster, { payloads, opts }: ChatEvents): World["emit"] {
  return (events) => {
    for (let event = 0; event < events; event += 1) broadcast("chat", payloads[event & 63], opts);
  };
}

function targetedEmitter(
  { broadcastToConnIds }: Broadcaster,
  { payloads, opts }: ChatEvents,
  to: ReadonlySet<string>,
): World["emit"] {
  return (events) => {
    for (let event = 0; event < events; event += 1) broadcastToConnIds?.("chat", payloads[event & 63], to, opts);
  };
}

function clientAt(index: number): GatewayClient {
  const connect = {
    role: "operator",
    scopes: ["operator.read", "operator.write"],
    caps: variant === "opt-in" ? ["session-scoped-events"] : [],
    client: { id: "gateway-client", mode: "backend", version: "0", platform: "linux" },
  };
  return { connId: `conn-${index}`, connect, socket: new Socket() } as GatewayClient;
}
