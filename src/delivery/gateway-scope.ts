/**
 * One gateway's claims and counters: joins the policy to the seams of one broadcaster.
 * An in-process restart of the gateway makes a new broadcaster, and with it a new scope.
 */
import { AccessGuard } from "./access-guard.ts";
import { Connections } from "./connections.ts";
import { type Identity, nobodyReturns, type Returning } from "./returning.ts";
import { ClaimRequests } from "./claim-requests.ts";
import { lateOptions, NOT_FOR_IT } from "./late-options.ts";
import type { Audience, EventGate, HeldFrame } from "./broadcast.ts";
import type { GatewayClient } from "../gateway/types.ts";
import type { SessionKeys } from "../gateway/session-keys.ts";
import { RowAccess } from "./projections.ts";
import { type HeartbeatRuns, Words } from "./words.ts";
import { Counters } from "../policy/counters.ts";
import { type CanonicalRoute, type DeliveryReason, mayReceive, recipients } from "../policy/delivery.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import { OF_MANY_SESSIONS, STATUS_EVENTS } from "../policy/status-events.ts";
import { HeldFrames } from "../policy/held-frames.ts";
import { isQuestion, Questions } from "../policy/questions.ts";
import { approvedSession, type EventRoute, routeEvent } from "../policy/session-event.ts";
import type { Settings } from "../policy/settings.ts";
import { Claims } from "../policy/claims.ts";
import type { Left } from "../policy/parked.ts";
import { Runs } from "../policy/runs.ts";
import type { GatewayNumbers, SessionStatus } from "../status.ts";
import { MESSAGES } from "../messages.ts";

/** After how many events of one name that go to nobody, by reason, the log reports it once, and how. */
const WARN_AT: Partial<Record<DeliveryReason, { readonly count: number; warning(event: string): string }>> = {
  "no-key": { count: 20, warning: MESSAGES.eventsWithoutKey },
  "bad-key": { count: 20, warning: MESSAGES.eventsWithBadKey },
  error: { count: 1, warning: MESSAGES.eventsFailed },
};

/** Reasons of `sessions.changed` after which the session no longer exists. */
const GONE: ReadonlySet<unknown> = new Set(["delete", "deleted", "cleanup"]);

const NONE: ReadonlySet<never> = new Set<never>();

const NOBODY = { route: { to: "nobody", reason: "no-key" }, deliver: NONE, hold: NONE } as const;

/** What a scope needs of the process around it. */
export interface ScopeHost {
  /** Says something in the gateway's log. */
  warn(message: string): void;
  connected(client: GatewayClient): void;
  /** Without it no connection comes back. */
  readonly returning?: Pick<Returning, "later" | "parked" | "as" | "isSame">;
  readonly heartbeats?: HeartbeatFrames;
}

/** Heartbeats at the moment when a frame is sent. Nothing here throws. */
export interface HeartbeatFrames {
  /** Which runs are heartbeats. */
  readonly runIds: HeartbeatRuns;
  /** The session of the heartbeat that sends a `heartbeat` event now, canonical. */
  heartbeatSession(): string | undefined;
}

export class GatewayScope implements EventGate {
  readonly counters = new Counters();
  readonly #keys: SessionKeys;
  readonly #settings: Settings;
  readonly #host: ScopeHost;
  readonly #returning: NonNullable<ScopeHost["returning"]>;
  readonly #claims: Claims<GatewayClient>;
  readonly #held: HeldFrames<GatewayClient, HeldFrame>;
  readonly #questions = new Questions();
  /** By closed connection, as a request of it may be handled late. */
  readonly #left = new WeakMap<GatewayClient, Left<GatewayClient>>();
  /** The last connection that opened for each unique identity, while it is open. */
  readonly #latest = new Map<string, GatewayClient>();
  /** The connections, and which of them only listen. */
  readonly connections: Connections;
  /** Which connection may use which sessions. */
  readonly access: AccessGuard;
  readonly rows: RowAccess;
  #send: (client: GatewayClient, frame: HeldFrame) => void = () => {};
  readonly words: Words;

  constructor(keys: SessionKeys, settings: Settings, host: ScopeHost) {
    this.#keys = keys;
    this.#settings = settings;
    this.#host = host;
    this.#returning = host.returning ?? nobodyReturns();
    const { later, parked } = this.#returning;
    this.#claims = new Claims(settings.limits, {
      runs: new Runs(settings.limits.runsPerConnection, later, (client) => this.#review(client)),
      parked,
      forgotten: () => void this.counters.count("(claim)", "claim-forgotten"),
    });
    this.connections = new Connections(this.#claims);
    this.rows = new RowAccess(this.#claims, keys.canonical, settings.roster);
    this.#held = new HeldFrames(settings.limits.heldFramesPerConnection);
    const entitle: Claims<GatewayClient>["entitle"] = (client, ...rest) => {
      this.#claims.entitle(client, ...rest);
      this.#review(client);
    };
    this.access = new AccessGuard(
      {
        keys,
        entitle,
        startedRun: this.#claims.runs.has.bind(this.#claims.runs),
        sessionOfRun: this.#claims.runs.sessionOf.bind(this.#claims.runs),
        sessionsOfQuestion: this.#questions.sessionsOf.bind(this.#questions),
        denied: () => void this.counters.count("(request)", "access-denied"),
        failed: () => void this.counters.count("(request)", "error"),
      },
      settings,
    );
    this.words = new Words(this, this.#claims, keys, settings, host.heartbeats?.runIds);
    this.requests = new ClaimRequests({
      claims: this.#claims,
      keys,
      limit: settings.limits.claimsPerConnection,
      later,
      leftBy: (client) => this.#left.get(client),
      isSame: (one, other) => this.#returning.isSame(one, other),
      safely: (action) => this.#safely("(request)", action),
      settled: (client) => this.#review(client),
    });
  }

  connected(client: GatewayClient): void {
    this.#safely("(connection)", () => {
      this.#host.connected(client);
      // A socket that connects twice at once is two clients for 2026.2, which never takes the first out of its set.
      const before = this.connections.byId(client.connId);
      if (before && before !== client) this.disconnected(before);
      this.connections.connected(client);
      // If its access cannot be determined, it keeps what it has.
      this.#claims.connect(client, { access: { allows: () => false } });
      this.access.connected(client);
      const returning = this.#returning.as(client, this.#settings.resumeMs);
      if (!returning) return;
      const { identity, unique } = returning;
      if (unique) this.#latest.set(identity, client);
      this.#resume(client, identity, unique);
    });
  }

  #resume(client: GatewayClient, identity: string, unique: boolean): void {
    if (!this.#claims.resume(client, identity, unique)) return;
    // The client asked on its last connection.
    this.connections.asked(client);
    this.counters.count("(connection)", "resumed");
    this.#review(client);
  }

  disconnected(client: GatewayClient): void {
    this.connections.disconnected(client);
    let park: ReturnType<Returning["as"]>;
    this.#safely("(connection)", () => (park = this.#returning.as(client, this.#settings.resumeMs)));
    this.#safely("(connection)", () => {
      const left = this.#claims.disconnect(client, park);
      if (left) this.#left.set(client, left);
      if (park) this.#handOver(client, park);
    });
    this.#safely("(connection)", () => this.access.disconnected(client));
    this.#safely("(connection)", () => this.#held.forget(client));
  }

  /** A client may be back before the gateway notices that its last connection broke. */
  #handOver(client: GatewayClient, { identity, unique }: Identity): void {
    const latest = this.#latest.get(identity);
    if (latest === client) this.#latest.delete(identity);
    else if (latest) this.#resume(latest, identity, unique);
  }

  /** The connection as the broadcaster knows it; requests may carry a copy of it. */
  connection(client: GatewayClient): GatewayClient | undefined {
    return this.#claims.has(client) ? client : this.connections.byId(client.connId);
  }

  onRelease(send: (client: GatewayClient, frame: HeldFrame) => void): void {
    this.#send = send;
  }

  audience(event: string, payload: unknown, opts: unknown, targets?: ReadonlySet<string>): Audience {
    try {
      const plain = targets ? undefined : this.words.audience(event, payload, opts);
      return plain ?? this.#audience(event, payload, opts, targets);
    } catch {
      this.#count(event, "error");
      return NOBODY;
    }
  }

  #audience(event: string, payload: unknown, opts: unknown, targets?: ReadonlySet<string>): Audience {
    const own = routeEvent(event, payload, opts, this.#keys.canonical, targets !== undefined);
    // A status event has no session of its own: its sessions were found in its content.
    const status = own.to === "nobody" || (own.to === "session" && own.found) ? STATUS_EVENTS.get(event) : undefined;
    if (status && own.to !== "all") return this.#status(event, own, payload, status);
    const route = isQuestion(event) ? this.#questions.route(event, payload, own) : own;
    if (route.to === "all" || (route.to === "nobody" && this.#settings.openEvents.includes(event))) {
      this.counters.count(event, "open");
      return undefined;
    }
    if (event === "sessions.changed") this.#endDeleted(payload, route);
    if (route.to === "session" && route.runId !== undefined) {
      this.access.sawRun(route.runId, route.keys[0]);
      for (const client of this.#claims.runs.saw(route.runId, route.keys, event, payload)) this.#review(client);
    }
    const audience = recipients(route, this.#claims, this.#settings);
    const source = approvedSession(event, payload);
    if (!targets && source === undefined) {
      if (route.to === "session") this.connections.published(audience.deliver);
      this.#count(event, audience.reason);
      return this.rows.divide(event, payload, audience);
    }
    const deliver = this.#among(audience.deliver, targets, source);
    const hold = this.#among(audience.hold, targets, source);
    if (!targets) this.connections.published(deliver);
    const reached = deliver.size > 0 ? "delivered" : hold.size > 0 ? "held" : "no-claim";
    this.#count(event, route.to === "nobody" ? route.reason : reached);
    return this.rows.divide(event, payload, { route, deliver, hold });
  }

  mayReceive(client: GatewayClient, event: string, payload: unknown, opts: unknown): boolean {
    try {
      const route = routeEvent(event, payload, opts, this.#keys.canonical, true);
      if (route.to === "all") return true;
      if (!this.access.allows(client, approvedSession(event, payload))) return false;
      return mayReceive(client, route, this.#claims, this.#settings) === "deliver";
    } catch {
      this.counters.count(event, "error");
      return false;
    }
  }

  hold(client: GatewayClient, frame: HeldFrame): void {
    try {
      // Upstream may go on using the payload object; a late frame must have the content of the event's time.
      const json = JSON.stringify(frame.payload) as string | undefined;
      const payload: unknown = json === undefined ? undefined : JSON.parse(json);
      const opts = lateOptions(frame.opts, client);
      if (opts === NOT_FOR_IT) return;
      const lost = this.#held.hold(client, { ...frame, payload, opts });
      if (lost > 0) this.counters.count(frame.event, "held-overflow", lost);
    } catch {
      this.counters.count(frame.event, "error");
    }
  }

  /** Applies requests to claims. */
  readonly requests: ClaimRequests;

  #count(event: string, reason: DeliveryReason): void {
    const count = this.counters.count(event, reason);
    const at = WARN_AT[reason];
    if (count === at?.count) this.#host.warn(at.warning(event));
  }

  /** A snapshot for status and tests. Counts only: no session keys, no content. */
  status(): GatewayNumbers {
    return { ...this.#claims.size, held: this.#held.size, events: this.counters.snapshot() };
  }

  /** The sessions that are claimed, the most claimed first. */
  sessions(limit: number): SessionStatus[] {
    return this.#claims.mostClaimed(limit);
  }

  /**
   * The whole event for claimers of its one session and for observers of all sessions; only the status for all
   * others.
   */
  #status(event: string, named: CanonicalRoute, payload: unknown, status: (payload: unknown) => unknown): Audience {
    const session = event === "heartbeat" ? this.#host.heartbeats?.heartbeatSession() : undefined;
    const route: CanonicalRoute = session === undefined ? named : { to: "session", keys: [session] };
    const { deliver, reason } = recipients(route, this.#claims, this.#settings);
    const whole = deliver.size > 0 && !OF_MANY_SESSIONS.has(event) ? deliver : this.#claims.fullObservers();
    this.counters.count(event, reason === "no-key" ? "open" : reason);
    const to = new Set([...this.connections].filter((client) => !whole.has(client)));
    return { route, deliver: whole, hold: new Set(), others: [{ to, payload: status(payload) }] };
  }

  failed(event: string): void {
    this.counters.count(event, "error");
  }

  /** A session was deleted, by any means: its claims end after this turn, when its last row has been sent. */
  ended(sessionKey: unknown): void {
    this.#safely("(session)", () => {
      const key = this.#keys.canonical(sessionKey);
      if (key !== undefined) this.#endAfterTurn((asOf) => this.#claims.end(key, asOf));
    });
  }

  #endDeleted(payload: unknown, route: EventRoute): void {
    if (route.to !== "roster" || !GONE.has(fieldsOrNone(payload)["reason"])) return;
    for (const key of route.keys) this.ended(key);
  }

  #endAfterTurn(end: (asOf: number) => void): void {
    const asOf = this.#claims.now;
    setImmediate(() => this.#safely("(session)", () => end(asOf)));
  }

  /** Counts a failure of the module; the gateway continues. */
  #safely(what: string, action: () => void): void {
    try {
      action();
    } catch {
      this.counters.count(what, "error");
    }
  }

  /** Sends or drops what was held for a connection, now that a request of it was answered. */
  #review(client: GatewayClient): void {
    const { deliver, dropped } = this.#held.review(client, ({ event, payload, route }) =>
      this.access.allows(client, approvedSession(event, payload))
        ? mayReceive(client, route, this.#claims, this.#settings)
        : "drop",
    );
    if (dropped > 0) this.counters.count("(held)", "held-dropped", dropped);
    for (const frame of deliver) {
      if (frame.via !== "targeted") this.connections.late(client);
      // By the rules of this moment, not of the event's.
      this.#safely(frame.event, () =>
        this.#send(client, { ...frame, payload: this.rows.version(client, frame.event, frame.payload) }),
      );
    }
  }

  #among(
    clients: ReadonlySet<GatewayClient>,
    ids: ReadonlySet<string> | undefined,
    source: unknown,
  ): ReadonlySet<GatewayClient> {
    const both = new Set<GatewayClient>();
    for (const client of clients) {
      if ((!ids || ids.has(client.connId)) && this.access.allows(client, source)) both.add(client);
    }
    return both;
  }
}
