/** The gateway's set of clients: who comes and goes, and a narrowed view of it for one event. */
import type { Broadcast, GatewayClient, GatewayClients } from "../gateway/types.ts";
import { fieldsOrNone } from "../policy/fields.ts";

/** The `readyState` of a WebSocket that closes, or has closed: it sends nothing more. */
const CLOSED: ReadonlySet<unknown> = new Set([2, 3]);

/**
 * Reports every client in the set, including those already there.
 *
 * The three mutators are shadowed on this one set; no prototype is touched.
 */
export function watchClients(
  clients: GatewayClients,
  onConnect: (client: GatewayClient) => void,
  onDisconnect: (client: GatewayClient) => void,
): void {
  const add = clients.add.bind(clients);
  const remove = clients.delete.bind(clients);
  const clear = clients.clear.bind(clients);
  clients.add = (client) => {
    const result = add(client);
    // 2026.2 adds a client even if its socket closed during the handshake, or the gateway itself has begun to close it,
    // and then never takes it out of the set.
    if (CLOSED.has(fieldsOrNone(client.socket)["readyState"])) remove(client);
    else onConnect(client);
    return result;
  };
  clients.delete = (client) => {
    const removed = remove(client);
    if (!clients.has(client)) onDisconnect(client);
    return removed;
  };
  clients.clear = () => {
    const gone = [...clients];
    clear();
    for (const client of gone) onDisconnect(client);
  };
  for (const client of clients) onConnect(client);
}

/** Means: no payload is being sent. Equal to no payload. */
const IDLE = Symbol("idle");

/** What the gateway's broadcaster is doing now. */
export class Sending {
  /**
   * The payload that is being sent to its recipients: the decision on it is current. A plain field, as it is asked for
   * each recipient, and not one of the view, where a release may give its set a member of any name.
   */
  payload: unknown = IDLE;
}

/** Connections that get an event. */
export interface Recipients {
  readonly size: number;
  [Symbol.iterator](): IterableIterator<GatewayClient>;
}

/**
 * Stands in for the set in the gateway's own broadcaster. While narrowed, it holds only the recipients of the event
 * at hand, so that the gateway's loop visits only them.
 */
export class ClientsView {
  readonly #all: GatewayClients;
  readonly #sending: Sending;
  /** All, or the recipients of the event at hand. */
  #shown: Recipients;
  /** Clients that have gone, in number. */
  #gone = 0;
  /** The same when recipients began to be shown that were all connected; -1 if that is not known. */
  #goneBefore = -1;

  constructor(all: GatewayClients, sending = new Sending()) {
    this.#all = all;
    this.#sending = sending;
    this.#shown = all;
    // As members of the view itself, they would cost each event 15% more: the engine optimizes such objects badly.
    Object.setPrototypeOf(this, moreMembers(ClientsView.prototype, all));
  }

  /**
   * Shows only `recipients` while `send` runs. Calls nest: sending one event may send another.
   * The event's parts are passed on, as a function made for each event costs as much as deciding on it.
   *
   * @param connected whether all recipients are known to be connected
   */
  narrow(
    recipients: Recipients,
    payload: unknown,
    send: Broadcast,
    event = "",
    opts?: unknown,
    connected = false,
  ): void {
    const shown = this.#shown;
    const goneBefore = this.#goneBefore;
    const sending = this.#sending.payload;
    this.#shown = recipients;
    this.#goneBefore = connected ? this.#gone : -1;
    this.#sending.payload = payload;
    try {
      send(event, payload, opts);
    } finally {
      this.#shown = shown;
      this.#goneBefore = goneBefore;
      this.#sending.payload = sending;
    }
  }

  /** Shows all again while `send` runs: an open event may be sent during a scoped one. */
  widen(send: () => void): void {
    this.narrow(this.#all, IDLE, send);
  }

  get size(): number {
    return this.#shown.size;
  }

  /**
   * Membership is not narrowed: the broadcaster asks of each recipient whether it is still connected. While recipients
   * are shown that were all connected, and nobody has gone since, the answer is yes without a look-up.
   */
  has(client: GatewayClient): boolean {
    return this.#goneBefore === this.#gone || this.#all.has(client);
  }

  /** A client has gone. */
  left(): void {
    this.#gone += 1;
  }

  /** The recipients' own iterator: that of a Set the engine walks in place, as it walks the gateway's set. */
  [Symbol.iterator](): IterableIterator<GatewayClient> {
    return this.#shown[Symbol.iterator]();
  }

  *entries(): Generator<[GatewayClient, GatewayClient]> {
    for (const client of this) yield [client, client];
  }

  forEach(visit: (client: GatewayClient) => void): void {
    for (const client of this) visit(client);
  }

  values(): IterableIterator<GatewayClient> {
    return this[Symbol.iterator]();
  }

  keys(): IterableIterator<GatewayClient> {
    return this[Symbol.iterator]();
  }
}

/**
 * Look-ups by id and other members that a release adds to its Set go to the real set. Set's own other members are left
 * out on purpose: without narrowing they would reach everybody.
 *
 * @returns a prototype with them, on top of the given one
 */
function moreMembers(prototype: object, all: GatewayClients): object {
  const more = Object.create(prototype) as object;
  for (
    let proto: object | null = all;
    proto && proto !== Set.prototype && proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto) as object | null
  ) {
    for (const name of Reflect.ownKeys(proto)) {
      if (name in more) continue;
      Object.defineProperty(more, name, {
        get: () => {
          const value: unknown = Reflect.get(all, name, all);
          return typeof value === "function" ? (value.bind(all) as unknown) : value;
        },
      });
    }
  }
  return more;
}
