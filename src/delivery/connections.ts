/**
 * The connections of one gateway, and how many of the sessions' events each has had.
 *
 * An event costs one addition here, and one for each connection that gets it, or one for all of them if it goes to
 * all who claim its session. The number of withheld events is a
 * subtraction, made on request: all events published since the connection opened, minus those that went to it. An
 * event counts if it belongs to a session and was published to all. Events that the gateway sends to connections of
 * its own choice do not count, nor do status events, of which everybody gets a part. "Went to it" means that it was
 * given to the release's broadcaster, which may still drop or merge it for a slow connection, or keep it from one
 * without the scope.
 */
import { connectionFacts } from "../gateway/connection-facts.ts";
import type { GatewayClient } from "../gateway/types.ts";
import type { Claimers, Claims } from "../policy/claims.ts";
import { text } from "../policy/fields.ts";
import { listensInVain, observerEntry } from "../policy/silence.ts";
import type { ConnectionStatus } from "../status.ts";

interface Connection {
  readonly client: GatewayClient;
  /** Events published before it connected. */
  readonly before: number;
  /** Beyond what went to all claimers of its sessions. */
  delivered: number;
  asked: boolean;
  /** When it was first found listening in vain; on a monotonic clock. */
  silentSince: number | undefined;
}

/** How long a connection must listen in vain before it counts as silent: before that it may be about to ask. */
export const SILENT_AFTER_MS = 10_000;

/** Length of a self-reported name in a status. */
const MAX_SHOWN = 256;

export class Connections {
  readonly #claims: Claims<GatewayClient>;
  readonly #byId = new Map<string, Connection>();
  #published = 0;

  constructor(claims: Claims<GatewayClient>) {
    this.#claims = claims;
  }

  connected(client: GatewayClient): void {
    const connection = { client, before: this.#published, delivered: 0, asked: false, silentSince: undefined };
    this.#byId.set(client.connId, connection);
  }

  disconnected(client: GatewayClient): void {
    if (this.#byId.get(client.connId)?.client === client) this.#byId.delete(client.connId);
  }

  byId(connId: string): GatewayClient | undefined {
    return this.#byId.get(connId)?.client;
  }

  *[Symbol.iterator](): Generator<GatewayClient> {
    for (const { client } of this.#byId.values()) yield client;
  }

  /** An event of a session was published to all. */
  published(deliver: ReadonlySet<GatewayClient>): void {
    this.#published += 1;
    for (const client of deliver) this.late(client);
  }

  /** The same to all who claim the session, and to nobody else. */
  publishedToClaimers(claimers: Claimers<GatewayClient> | undefined): void {
    this.#published += 1;
    if (claimers) claimers.published += 1;
  }

  /** An event that was published before, and held, goes to a connection. */
  late(client: GatewayClient): void {
    const connection = this.#byId.get(client.connId);
    if (connection) connection.delivered += 1;
  }

  /** A connection has asked for a session. */
  asked(client: GatewayClient): void {
    const connection = this.#byId.get(client.connId);
    if (connection) connection.asked = true;
  }

  /** Finds connections that listen in vain; after a while they count as silent. */
  look(now: number): readonly ConnectionStatus[] {
    const silent: ConnectionStatus[] = [];
    for (const connection of this.#byId.values()) {
      if (!this.#inVain(connection)) connection.silentSince = undefined;
      else if (connection.silentSince === undefined) connection.silentSince = now;
      else if (now - connection.silentSince >= SILENT_AFTER_MS) silent.push(this.#row(connection, true));
    }
    return silent;
  }

  /** For a status: silent connections first, then those with the most withheld events. */
  rows(now: number, limit: number): readonly ConnectionStatus[] {
    const silent = (connection: Connection): boolean =>
      now - (connection.silentSince ?? Infinity) >= SILENT_AFTER_MS && this.#inVain(connection);
    return Array.from(this.#byId.values(), (connection) => ({ connection, silent: silent(connection) }))
      .sort(
        (a, b) => Number(b.silent) - Number(a.silent) || this.#withheld(b.connection) - this.#withheld(a.connection),
      )
      .slice(0, limit)
      .map((each) => this.#row(each.connection, each.silent));
  }

  #delivered({ client, delivered }: Connection): number {
    return delivered + this.#claims.delivered(client);
  }

  #withheld(connection: Connection): number {
    return this.#published - connection.before - this.#delivered(connection);
  }

  #inVain(connection: Connection): boolean {
    const { client, asked } = connection;
    if (asked) return false;
    const delivered = this.#delivered(connection);
    const withheld = this.#withheld(connection);
    if (delivered > 0 || withheld <= 0) return false;
    const { caps } = client.connect;
    return listensInVain({
      facts: connectionFacts(client),
      caps: Array.isArray(caps) ? caps : [],
      asked,
      claims: this.#claims.claimsOf(client).length,
      observer: this.#claims.observers.has(client),
      restricted: this.#claims.restricted.has(client),
      delivered,
      withheld,
    });
  }

  #row(connection: Connection, silent: boolean): ConnectionStatus {
    const { client } = connection;
    const delivered = this.#delivered(connection);
    const { client: self, device, userAgent } = client.connect;
    const facts = connectionFacts(client);
    const observe = silent ? observerEntry(facts) : undefined;
    const shown = { id: self?.id, mode: self?.mode, displayName: self?.displayName, version: self?.version, userAgent };
    const known = Object.entries(shown).flatMap(([name, value]) => {
      const word = text(value)?.slice(0, MAX_SHOWN);
      return word === undefined ? [] : [[name, word]];
    });
    return {
      ...(Object.fromEntries(known) as object),
      role: facts.role.slice(0, MAX_SHOWN),
      device: text(device?.id) !== undefined,
      claims: this.#claims.claimsOf(client).length,
      observer: this.#claims.observers.has(client),
      delivered,
      withheld: this.#withheld(connection),
      silent,
      ...(observe && { observe }),
    };
  }
}
