/**
 * One gateway's claims and counters: joins the policy to the seams of one broadcaster.
 * An in-process restart of the gateway makes a new broadcaster, and with it a new scope.
 */
import { AccessGuard } from "./access-guard.ts";
import type { Passage } from "./requests.ts";
import type { Audience, EventGate, HeldFrame } from "./broadcast.ts";
import type { GatewayClient, GatewayError } from "../gateway/types.ts";
import type { SessionKeys } from "../gateway/session-keys.ts";
import type { ClaimIntent, NewClaim } from "../policy/claim-intent.ts";
import { Counters } from "../policy/counters.ts";
import { type CanonicalRoute, type DeliveryReason, mayReceive, recipients } from "../policy/delivery.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import { heartbeatStatus } from "../policy/heartbeat-event.ts";
import { HeldFrames } from "../policy/held-frames.ts";
import { isQuestion, Questions } from "../policy/questions.ts";
import { type EventRoute, routeEvent } from "../policy/session-event.ts";
import type { Settings } from "../policy/settings.ts";
import { type ClaimAccess, type PendingClaim, Claims } from "../policy/claims.ts";
import type { GatewayNumbers, SessionStatus } from "../status.ts";

/** How many events of one name go to nobody, by reason, before the log says so, once. */
const WARN_AT: Partial<Record<DeliveryReason, number>> = { "no-key": 20, "bad-key": 20, error: 1 };

const WHY: Partial<Record<DeliveryReason, string>> = {
  "no-key": "they carry no session key; this OpenClaw release may have changed their payload",
  "bad-key": "their session key is malformed",
  error: "the module failed on one of them; please report it with the number of the OpenClaw release",
};

/** Run ids are UUIDs or idempotency keys of the client's; longer ones are not remembered. */
const MAX_RUN_ID_LENGTH = 256;

const NO_SESSION = { to: "nobody", reason: "no-key" } as const;

/** Access of a connection that is not looked at yet. */
const NOTHING: ClaimAccess = { allows: () => false };

const NOBODY: Audience = {
  route: { to: "nobody", reason: "no-key" },
  deliver: new Set(),
  hold: new Set(),
};

/** What a scope needs of the process around it. */
export interface ScopeHost {
  /** Says something in the gateway's log. */
  warn(message: string): void;
  connected(client: GatewayClient): void;
  readonly heartbeats?: HeartbeatFrames;
}

/** What is known of heartbeats when a frame is sent. Nothing here throws. */
export interface HeartbeatFrames {
  /** The session of the heartbeat that sends a `heartbeat` event now, canonical. */
  heartbeatSession(): string | undefined;
}

export class GatewayScope implements EventGate {
  readonly counters = new Counters();
  readonly #keys: SessionKeys;
  readonly #settings: Settings;
  readonly #host: ScopeHost;
  readonly #claims: Claims<GatewayClient>;
  readonly #byId = new Map<string, GatewayClient>();
  readonly #held: HeldFrames<GatewayClient, HeldFrame>;
  readonly #questions = new Questions();
  /** Who may use which sessions. */
  readonly access: AccessGuard;
  #send: (client: GatewayClient, frame: HeldFrame) => void = () => {};

  constructor(keys: SessionKeys, settings: Settings, host: ScopeHost) {
    this.#keys = keys;
    this.#settings = settings;
    this.#host = host;
    this.#claims = new Claims(settings.limits);
    this.#held = new HeldFrames(settings.limits.heldFramesPerConnection);
    const entitle: Claims<GatewayClient>["entitle"] = (client, ...rest) => {
      this.#claims.entitle(client, ...rest);
      this.#review(client);
    };
    this.access = new AccessGuard(
      {
        keys,
        entitle,
        startedRun: this.#claims.startedRun.bind(this.#claims),
        sessionsOfQuestion: this.#questions.sessionsOf.bind(this.#questions),
        denied: () => void this.counters.count("(request)", "access-denied"),
        failed: () => void this.counters.count("(request)", "error"),
      },
      settings,
    );
  }

  connected(client: GatewayClient): void {
    this.#safely("(connection)", () => {
      this.#host.connected(client);
      this.#byId.set(client.connId, client);
      // If it cannot be told what this one may have, it keeps that.
      this.#claims.connect(client, { access: NOTHING });
      this.access.connected(client);
    });
  }

  disconnected(client: GatewayClient): void {
    if (this.#byId.get(client.connId) === client) this.#byId.delete(client.connId);
    this.#safely("(connection)", () => this.#claims.disconnect(client));
    this.#safely("(connection)", () => this.access.disconnected(client));
    this.#safely("(connection)", () => this.#held.forget(client));
  }

  /** The connection as the broadcaster knows it; requests may carry a copy of it. */
  connection(client: GatewayClient): GatewayClient | undefined {
    return this.#claims.has(client) ? client : this.#byId.get(client.connId);
  }

  onRelease(send: (client: GatewayClient, frame: HeldFrame) => void): void {
    this.#send = send;
  }

  audience(event: string, payload: unknown, opts: unknown, targets?: ReadonlySet<string>): Audience {
    try {
      const own = routeEvent(event, payload, opts, this.#keys.canonical);
      if (event === "heartbeat") return this.#heartbeat(own, payload);
      const route = isQuestion(event) ? this.#questions.route(event, payload, own) : own;
      if (route.to === "all") {
        this.counters.count(event, "open");
        return undefined;
      }
      const audience = recipients(route, this.#claims, this.#settings);
      if (!targets) {
        this.#count(event, audience.reason);
        return audience;
      }
      const source = approvedIn(event, payload);
      const deliver = this.#among(audience.deliver, targets, source);
      const hold = this.#among(audience.hold, targets, source);
      const reached = deliver.size > 0 ? "delivered" : hold.size > 0 ? "held" : "no-claim";
      this.#count(event, route.to === "nobody" ? route.reason : reached);
      return { route, deliver, hold };
    } catch {
      this.#count(event, "error");
      return NOBODY;
    }
  }

  mayReceive(client: GatewayClient, event: string, payload: unknown, opts: unknown): boolean {
    try {
      const route = routeEvent(event, payload, opts, this.#keys.canonical);
      if (route.to === "all") return true;
      if (!this.access.allows(client, approvedIn(event, payload))) return false;
      return mayReceive(client, route, this.#claims, this.#settings) === "deliver";
    } catch {
      this.counters.count(event, "error");
      return false;
    }
  }

  hold(client: GatewayClient, frame: HeldFrame): void {
    try {
      // Upstream may go on using the payload object; what is sent late has to be what was meant.
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

  /** Canonical keys of the sessions that a request names, by the configuration of now. */
  keysOf(intent: ClaimIntent): readonly string[] {
    this.#keys.refresh();
    return intent.kind === "roster" ? [] : this.#canonicalAll(intent.keys, intent.agentId);
  }

  /**
   * Begins what a request does to claims.
   *
   * @param client undefined if no connection asks: then only a deletion has an effect
   * @param keys of {@link keysOf}
   */
  begin(
    client: GatewayClient | undefined,
    intent: ClaimIntent,
    keys: readonly string[],
  ): { readonly refuse: GatewayError } | Passage | undefined {
    if (intent.kind === "end") {
      const asOf = this.#claims.now;
      return this.#onAnswer(client, (ok) => {
        // After this turn: the deletion's own roster row still goes to those who had the session.
        if (!ok) return;
        setImmediate(() => this.#safely("(request)", () => keys.forEach((key) => this.#claims.end(key, asOf))));
      });
    }
    if (!client) return undefined;
    if (intent.kind === "roster") {
      return this.#onAnswer(client, (ok) => {
        if (ok) this.#claims.setRoster(client, intent.wanted);
      });
    }
    if (intent.kind === "unclaim") {
      // Leaving takes effect at once and needs nobody's consent; old releases lack the method.
      for (const key of keys) this.#claims.unclaim(client, key);
      return this.#onAnswer(client, () => {});
    }
    const claim = this.#claims.begin(client, keys, intent.explicit);
    if (!claim) return { refuse: claimLimitError(this.#settings.limits.claimsPerConnection) };
    return this.#onAnswer(
      client,
      (ok, payload) => {
        if (ok) claim.accept(this.#readAnswer(intent, payload));
        else claim.reject();
      },
      claim,
    );
  }

  #count(event: string, reason: DeliveryReason): void {
    if (this.counters.count(event, reason) !== WARN_AT[reason]) return;
    this.#host.warn(`"${event}" events go to nobody: ${WHY[reason] ?? reason}`);
  }

  /** A snapshot for status and tests. Counts only: no session keys, no content. */
  status(): GatewayNumbers {
    return { ...this.#claims.size, held: this.#held.size, events: this.counters.snapshot() };
  }

  /** The sessions that are claimed, the most claimed first. */
  sessions(limit: number): SessionStatus[] {
    return this.#claims.mostClaimed(limit);
  }

  /** The whole event for those who claim its session, its status for everybody else. */
  #heartbeat(named: EventRoute, payload: unknown): Audience {
    const session = this.#host.heartbeats?.heartbeatSession();
    const ofRun: CanonicalRoute = session === undefined ? NO_SESSION : { to: "session", keys: [session] };
    const route = named.to === "all" ? ofRun : named;
    const { deliver, reason } = recipients(route, this.#claims, this.#settings);
    const whole = deliver.size > 0 ? deliver : this.#claims.fullObservers();
    this.counters.count("heartbeat", reason);
    const to = new Set([...this.#byId.values()].filter((client) => !whole.has(client)));
    return { route, deliver: whole, hold: new Set(), others: { to, payload: heartbeatStatus(payload) } };
  }

  #onAnswer(
    client: GatewayClient | undefined,
    settle: (ok: boolean, payload: unknown) => void,
    claim?: PendingClaim,
  ): Passage {
    return {
      answered: ({ ok, payload }) =>
        this.#safely("(request)", () => {
          settle(ok, payload);
          if (client) this.#review(client);
        }),
      ended: (unanswered) => {
        if (!unanswered) return;
        this.#safely("(request)", () => {
          claim?.reject();
          if (client) this.#review(client);
        });
      },
    };
  }

  /** What of ours fails is counted, and the gateway goes on. */
  #safely(what: string, action: () => void): void {
    try {
      action();
    } catch {
      this.counters.count(what, "error");
    }
  }

  /** Sends or drops what was held for a connection, now that a request of it was answered. */
  #review(client: GatewayClient): void {
    const { deliver, dropped } = this.#held.review(client, ({ route }) =>
      mayReceive(client, route, this.#claims, this.#settings),
    );
    if (dropped > 0) this.counters.count("(held)", "held-dropped", dropped);
    for (const frame of deliver) this.#send(client, frame);
  }

  #canonicalAll(values: readonly unknown[], agentId: string | undefined): string[] {
    return values.map((value) => this.#keys.canonical(value, agentId)).filter((key) => key !== undefined);
  }

  #readAnswer(intent: NewClaim, payload: unknown): { extraKeys: string[]; runId: string | undefined } {
    const body = fieldsOrNone(payload);
    const { runId } = body;
    return {
      extraKeys: intent.answered ? this.#canonicalAll([body["key"] ?? body["sessionKey"]], intent.agentId) : [],
      runId: intent.startsRun && typeof runId === "string" && runId.length <= MAX_RUN_ID_LENGTH ? runId : undefined,
    };
  }

  #among(clients: ReadonlySet<GatewayClient>, ids: ReadonlySet<string>, source: unknown): ReadonlySet<GatewayClient> {
    const both = new Set<GatewayClient>();
    for (const client of clients) {
      if (ids.has(client.connId) && this.access.allows(client, source)) both.add(client);
    }
    return both;
  }
}

/** The session whose approval an event tells of to those who claim its parent; nothing for other events. */
function approvedIn(event: string, payload: unknown): unknown {
  return event === "session.approval" ? fieldsOrNone(payload)["sourceSessionKey"] : undefined;
}

/** The connection is no recipient of the event at all. */
const NOT_FOR_IT = Symbol("not for it");

/**
 * The options of a frame that is sent late. Upstream's `questionRecipient` may be asked only while
 * the event is published, so it is asked now.
 */
function lateOptions(opts: unknown, client: GatewayClient): unknown {
  if (typeof opts !== "object" || opts === null || !("questionRecipient" in opts)) return opts;
  const { questionRecipient, ...rest } = opts;
  if (typeof questionRecipient !== "function") return opts;
  return (questionRecipient as (client: GatewayClient) => unknown)(client) === false ? NOT_FOR_IT : rest;
}

function claimLimitError(limit: number): GatewayError {
  return {
    code: "INVALID_REQUEST",
    message: `event-isolation: this connection already claims ${limit} sessions (limits.claimsPerConnection); leave one with sessions.messages.unsubscribe or open another connection`,
    retryable: false,
    details: { reason: "claim-limit", limit },
  };
}
