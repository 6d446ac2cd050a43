/** Stands between the gateway and its broadcaster: each event goes to its audience only. */
import type { CanonicalRoute } from "../policy/delivery.ts";
import { ClientsView, type Recipients, Sending, watchClients } from "./clients.ts";
import type { Broadcast, Broadcaster, BroadcasterParams, CreateBroadcaster, GatewayClient } from "../gateway/types.ts";
import { filteredProjections, isProjected, jsonOnly, type ProjectionGate, scopeOf } from "./projections.ts";
import { passesScopes, probeNumbering } from "./numbering.ts";

/** Clients that get a version of their own of an event. */
interface Others {
  readonly to: Recipients;
  readonly payload: unknown;
}

/** The recipients of an event. Undefined means: as upstream sends it. */
export type Audience =
  | {
      readonly route: CanonicalRoute;
      readonly deliver: Recipients;
      readonly hold: Recipients;
      /** What other clients get instead, if anything. */
      readonly others?: readonly Others[];
    }
  | undefined;

/** The member of the broadcaster through which upstream sent a frame. */
type Way = "broadcast" | "targeted" | "plugin";

/** A frame that waits for the answer to a request. */
export interface HeldFrame {
  readonly event: string;
  readonly payload: unknown;
  readonly opts: unknown;
  readonly route: CanonicalRoute;
  readonly via: Way;
}

/** What the broadcaster asks. Nothing here throws. */
export interface EventGate extends ProjectionGate {
  connected(client: GatewayClient): void;
  disconnected(client: GatewayClient): void;
  readonly words: {
    /**
     * Those who get an event that is the next word of the run that spoke before. It is not held back, as no heartbeat has
     * begun since, and nobody waits for it. All of them are connected.
     *
     * @returns undefined for any other event
     */
    next(event: string, payload: unknown, opts: unknown): ReadonlySet<GatewayClient> | undefined;
  };
  /** @param targets connection ids upstream chose, or undefined for all */
  audience(event: string, payload: unknown, opts: unknown, targets?: ReadonlySet<string>): Audience;
  /** Decides for one client, for a frame that upstream held and sends only now. */
  mayReceive(client: GatewayClient, event: string, payload: unknown, opts: unknown): boolean;
  hold(client: GatewayClient, frame: HeldFrame): void;
  /** Gives the gate the means to send what it held. */
  onRelease(send: (client: GatewayClient, frame: HeldFrame) => void): void;
}

/**
 * Called before an event is sent. Does not throw.
 *
 * @param send sends the event as if it came anew
 * @returns true if nobody gets it now
 */
export type HoldBack = (event: string, payload: unknown, send: Broadcast, opts?: unknown) => boolean;

type CanReceive = NonNullable<BroadcasterParams["canReceiveSessionEvent"]>;

/** The gateway's own broadcaster, limited to chosen clients. */
interface Sender {
  readonly all: Broadcast;
  /** To the connections upstream chose. */
  readonly toIds: NonNullable<Broadcaster["broadcastToConnIds"]>;
  /**
   * As `broadcast` numbers frames.
   *
   * @param connected whether all of them are known to be connected
   */
  some(to: Recipients, event: string, payload: unknown, opts: unknown, connected?: boolean): void;
  /** As `broadcastToConnIds` numbers frames. */
  targeted(to: Recipients, event: string, payload: unknown, opts: unknown): void;
  /** As `broadcast`, for an event that was broadcast to others already: its side effects happen once. */
  again(to: Recipients, event: string, payload: unknown, opts: unknown): void;
  /** One frame, late: side effects of `broadcast` beyond the connections have happened already. */
  late(client: GatewayClient, frame: HeldFrame): void;
  /** A client has gone. */
  left?(): void;
  readonly plugin?: ((to: Recipients | undefined, event: string, payload: unknown, scope: unknown) => void) | undefined;
}

/**
 * Builds the gateway's broadcaster so that it asks the gate for every event.
 *
 * @param create the release's own `createGatewayBroadcaster`
 * @param params what the gateway passes it
 * @param heldBack whether an event must wait, such as the last word of a heartbeat during a user's run
 * @throws {Error} if the release's broadcaster is of an unknown kind: before any client connects
 */
export function scopeBroadcaster(
  create: CreateBroadcaster,
  params: BroadcasterParams,
  gate: EventGate,
  heldBack?: HoldBack,
): Broadcaster {
  // The probe's stand-ins spoil the type feedback of the gateway's broadcaster and slow it by some percent permanently,
  // so do not probe releases that ask `canReceiveSessionEvent`: all of them are of the newer kind.
  const perConnection = "canReceiveSessionEvent" in params || probeNumbering(create) === "per-connection";
  const [upstream, sender] = perConnection ? sharedSender(create, params, gate) : separateSender(create, params);
  watchClients(params.clients, gate.connected.bind(gate), (client) => {
    sender.left?.();
    gate.disconnected(client);
  });
  gate.onRelease((client, frame) => sender.late(client, frame));

  const keepForAnswer = (
    audience: NonNullable<Audience>,
    event: string,
    payload: unknown,
    opts: unknown,
    via: Way,
  ): void => {
    for (const client of audience.hold) {
      gate.hold(client, { event, payload, opts, route: audience.route, via });
    }
  };
  // 2026.9 makes each client's version of some events itself: these are sent once, and filtered there.
  const projects = params.prepareSessionEventProjection !== undefined;
  const { words } = gate;
  const asOne = (event: string, audience: Audience): Audience => {
    if (!audience?.others || !projects || !isProjected(event)) return audience;
    const { route, deliver, hold, others } = audience;
    return { route, deliver: new Set([deliver, ...others.map(({ to }) => to)].flatMap((to) => [...to])), hold };
  };
  // 2026.8 tells the gateway's plugins of each row that is sent.
  const rowsAreTold = "canReceiveSessionEvent" in params;
  const toOthers = (send: Sender["some"], { route, others }: NonNullable<Audience>, event: string, opts: unknown) => {
    for (const { to, payload } of others ?? []) {
      if (route.to !== "roster" || !rowsAreTold) send(to, event, payload, opts);
      else send(to, event, jsonOnly(payload), scopeOf(payload, opts));
    }
  };
  const scoped: Broadcaster = {
    broadcast: (event, payload, opts) => {
      // Nearly every event: short, so that it becomes part of its caller.
      const same = words.next(event, payload, opts);
      if (same) return sender.some(same, event, payload, opts, true);
      if (heldBack?.(event, payload, scoped.broadcast, opts)) return;
      const audience = asOne(event, gate.audience(event, payload, opts));
      if (!audience) return sender.all(event, payload, opts);
      if (audience.hold.size > 0) keepForAnswer(audience, event, payload, opts, "broadcast");
      sender.some(audience.deliver, event, payload, opts);
      if (audience.others) toOthers(sender.again, audience, event, opts);
    },
    broadcastToConnIds: (event, payload, connIds, opts) => {
      const again = (): void => scoped.broadcastToConnIds?.(event, payload, connIds, opts);
      if (heldBack?.(event, payload, again)) return;
      const audience = asOne(event, gate.audience(event, payload, opts, connIds));
      if (!audience) return sender.toIds(event, payload, connIds, opts);
      if (audience.hold.size > 0) keepForAnswer(audience, event, payload, opts, "targeted");
      // Send it even to nobody: newer releases notify their plugins of a change by such a broadcast.
      sender.targeted(audience.deliver, event, payload, opts);
      if (audience.others) toOthers(sender.targeted, audience, event, opts);
    },
    broadcastPluginEvent: (event, payload, scope) => {
      const audience = gate.audience(event, payload, undefined);
      if (audience && audience.hold.size > 0) keepForAnswer(audience, event, payload, scope, "plugin");
      sender.plugin?.(audience?.deliver, event, payload, scope);
      for (const others of audience?.others ?? []) sender.plugin?.(others.to, event, others.payload, scope);
    },
  };
  // Exactly the members that the release has.
  const members = Object.entries(scoped).filter(([name]) => name in upstream);
  return { ...upstream, ...Object.fromEntries(members) };
}

/** 2026.5 on: one broadcaster for all, which sees the recipients of the event at hand. */
function sharedSender(create: CreateBroadcaster, params: BroadcasterParams, gate: EventGate): [Broadcaster, Sender] {
  const sending = new Sending();
  const view = new ClientsView(params.clients, sending);
  const original = params.canReceiveSessionEvent;
  // A frame that upstream held for a slow client may come after the claim has ended.
  const late: CanReceive = (client, keys, agentId, event, payload) =>
    gate.mayReceive(client, event as string, payload, { sessionKeys: keys, agentId });
  // Asked for every recipient: short, and with as many parameters as upstream's, so that it becomes part of its loop.
  const canReceive: CanReceive = (client, keys, agentId, event, payload) =>
    (sending.payload === payload || late(client, keys, agentId, event, payload)) &&
    original!(client, keys, agentId, event, payload);
  // For releases to come.
  const canReceiveMore: CanReceive = (client, ...asked) =>
    (sending.payload === asked[3] || late(client, ...asked)) && original!(client, ...asked);
  const upstream = create(
    replaced(params, {
      clients: view,
      ...(original ? { canReceiveSessionEvent: original.length > 5 ? canReceiveMore : canReceive } : {}),
      ...filteredProjections(params, gate),
    }),
  );
  // Web push hangs on `broadcast` there and must not fire twice; both ways number frames alike.
  const pushes = "onBroadcast" in params;
  const some: Sender["some"] = (to, event, payload, opts, connected) =>
    view.narrow(to, payload, upstream.broadcast, event, opts, connected);
  const targeted: Sender["targeted"] = (to, event, payload, opts) =>
    view.narrow(to, payload, () => upstream.broadcastToConnIds?.(event, payload, idsOf(to), opts));
  const plugin: NonNullable<Sender["plugin"]> = (to, event, payload, scope) => {
    const send = (): void => upstream.broadcastPluginEvent?.(event, payload, scope);
    if (to) view.narrow(to, payload, send);
    else view.widen(send);
  };
  const sender: Sender = {
    all: (event, payload, opts) => view.widen(() => upstream.broadcast(event, payload, opts)),
    toIds: (event, payload, connIds, opts) =>
      view.widen(() => upstream.broadcastToConnIds?.(event, payload, connIds, opts)),
    some,
    targeted,
    again: pushes ? targeted : some,
    late: (client, { event, payload, opts, via }) => {
      const to = new Set([client]);
      if (via === "plugin") plugin(to, event, payload, opts);
      else (via === "targeted" ? targeted : sender.again)(to, event, payload, opts);
    },
    left: () => view.left(),
    plugin,
  };
  return [upstream, sender];
}

/** Event names are upstream's; the bound is for plugins that invent names. */
const MAX_EVENT_NAMES = 256;

/**
 * Up to 2026.4: frames are numbered over all clients, so that leaving a client out shows up as a gap. Each connection
 * gets its own broadcaster, and with it its own count, as in 2026.5.
 */
function separateSender(create: CreateBroadcaster, params: BroadcasterParams): [Broadcaster, Sender] {
  interface Own {
    readonly broadcaster: Broadcaster;
    /** By event name: whether upstream lets this connection have it. */
    readonly passes: Map<string, boolean>;
  }
  const connections = new WeakMap<GatewayClient, Own>();
  const of = (client: GatewayClient): Own => {
    let own = connections.get(client);
    if (!own) {
      own = { broadcaster: create(replaced(params, { clients: new Set([client]) })), passes: new Map() };
      connections.set(client, own);
    }
    return own;
  };
  const some = (to: Iterable<GatewayClient>, event: string, payload: unknown, opts: unknown): void => {
    for (const client of to) {
      const { broadcaster, passes } = of(client);
      let mayPass = passes.get(event);
      if (mayPass === undefined) {
        if (passes.size >= MAX_EVENT_NAMES) passes.clear();
        passes.set(event, (mayPass = passesScopes(create, client, event)));
      }
      if (mayPass) broadcaster.broadcast(event, payload, opts);
    }
  };
  const targeted: Sender["targeted"] = (to, event, payload, opts) => {
    for (const client of to) {
      of(client).broadcaster.broadcastToConnIds?.(event, payload, new Set([client.connId]), opts);
    }
  };
  const upstream = create(params);
  const sender: Sender = {
    all: (event, payload, opts) => some(params.clients, event, payload, opts),
    toIds: (event, payload, connIds, opts) => upstream.broadcastToConnIds?.(event, payload, connIds, opts),
    some,
    targeted,
    again: some,
    late: (client, { event, payload, opts, via }) =>
      (via === "targeted" ? targeted : some)(new Set([client]), event, payload, opts),
  };
  return [upstream, sender];
}

/** A copy of the gateway's parameters, its getters kept, with some of them replaced. */
function replaced(params: BroadcasterParams, changes: Readonly<Record<string, unknown>>): BroadcasterParams {
  const descriptors: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(params);
  // A literal if there is no getter to keep: the engine optimizes those better.
  if (Object.values(descriptors).every((each) => "value" in each)) return { ...params, ...changes };
  for (const [name, value] of Object.entries(changes)) {
    descriptors[name] = { value, writable: true, enumerable: true, configurable: true };
  }
  return Object.create(Object.getPrototypeOf(params) as object | null, descriptors) as BroadcasterParams;
}

function idsOf(clients: Recipients): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const client of clients) ids.add(client.connId);
  return ids;
}
