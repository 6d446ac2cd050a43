/** The real composition, under a broadcaster that only notes who gets what. */
import { GatewayScope } from "../../../src/delivery/gateway-scope.ts";
import type { HeldFrame } from "../../../src/delivery/broadcast.ts";
import type { GatewayClient } from "../../../src/gateway/types.ts";
import type { Passage } from "../../../src/delivery/requests.ts";
import { SessionKeys } from "../../../src/gateway/session-keys.ts";
import type { ClaimIntent } from "../../../src/policy/claim-intent.ts";
import { parseSettings } from "../../../src/policy/settings.ts";
import { Parked } from "../../../src/policy/parked.ts";
import {
  Clock,
  eventOf,
  type Frame,
  type Intent,
  LIMITS,
  type Outcome,
  type RequestId,
  RESUME_MS,
  SESSIONS,
  sessionIndex,
  type Sizes,
  type World,
  type WorldSettings,
} from "./world.ts";

interface Client extends GatewayClient {
  readonly slot: number;
  readonly got: number[];
}

/** `setImmediate` of the scope, run at the world's own end of turn. */
export type Turns = (() => void)[];

export class ScopeWorld implements World {
  readonly #settings: WorldSettings;
  readonly #turns: Turns;
  readonly #slots = new Map<number, Client>();
  readonly #last = new Map<number, Client>();
  readonly #requests = new Map<RequestId, Passage>();
  readonly #clock = new Clock();
  readonly #parked = new Parked<GatewayClient>(this.#clock.later);
  #connections = 0;
  #scope: GatewayScope;

  constructor(settings: WorldSettings, turns: Turns) {
    this.#settings = settings;
    this.#turns = turns;
    this.#scope = this.#create();
  }

  connect(slot: number, observer: boolean, device: string | undefined): void {
    const client: Client = {
      slot,
      got: [],
      connId: `conn-${(this.#connections += 1)}`,
      connect: {
        role: "operator",
        client: { id: observer ? "dashboard" : "chat", mode: "ui", instanceId: "one" },
        ...(device !== undefined && { device: { id: device } }),
      },
    };
    this.#slots.set(slot, client);
    this.#last.set(slot, client);
    this.#scope.connected(client);
  }

  close(slot: number): void {
    const client = this.#slots.get(slot)!;
    this.#slots.delete(slot);
    this.#scope.disconnected(client);
  }

  begin(slot: number, id: RequestId, intent: Intent): boolean {
    // Requests carry a copy of the client in some releases.
    const client = this.#scope.connection({ ...this.#slots.get(slot)! })!;
    const asked = asClaimIntent(intent);
    const request = this.#scope.requests.begin(client, asked, this.#scope.requests.keysOf(asked));
    if (!request) return true;
    if ("refuse" in request) return false;
    this.#requests.set(id, request);
    return true;
  }

  answer(id: RequestId, outcome: Outcome): void {
    const request = this.#requests.get(id);
    if (outcome.result === "failed") request?.ended?.(true);
    else if (outcome.result === "refused")
      request?.answered?.({ ok: false, payload: { key: SESSIONS[0].key, runId: "r1" } });
    else {
      const status = outcome.fresh ? "started" : "in_flight";
      request?.answered?.({ ok: true, payload: { key: outcome.extraKeys[0], runId: outcome.runId, status } });
    }
  }

  emit(frame: Frame): void {
    const { event, payload, opts } = wire(frame);
    const targets = frame.targets && new Set(frame.targets.map((slot) => this.#slots.get(slot)?.connId ?? "nobody"));
    const same = targets ? undefined : this.#scope.words.next(event, payload, opts);
    for (const client of same ?? []) (client as Client).got.push(frame.id);
    if (!same) this.#decide(frame, event, payload, opts, targets);
    // Upstream may reuse its payload object: what is held must not change with it.
    payload["frame"] = -1;
  }

  #decide(
    frame: Frame,
    event: string,
    payload: unknown,
    opts: unknown,
    targets: ReadonlySet<string> | undefined,
  ): void {
    const audience = this.#scope.audience(event, payload, opts, targets);
    const among = (client: Client): boolean => !targets || targets.has(client.connId);
    if (!audience) {
      for (const client of this.#slots.values()) if (among(client)) client.got.push(frame.id);
      return;
    }
    for (const client of audience.hold) {
      this.#scope.hold(client, {
        event,
        payload,
        opts,
        route: audience.route,
        via: targets ? "targeted" : "broadcast",
      });
    }
    for (const client of audience.deliver) (client as Client).got.push(frame.id);
  }

  turn(): void {
    for (const run of this.#turns.splice(0)) run();
  }

  pass(ms: number): void {
    this.#clock.pass(ms);
  }

  restart(): void {
    for (const slot of this.#slots.keys()) this.close(slot);
    this.#scope = this.#create();
  }

  sizes(): Sizes {
    const { events: _, ...sizes } = this.#scope.status();
    return sizes;
  }

  delivered(slot: number): readonly number[] {
    return this.#last.get(slot)?.got ?? [];
  }

  /** Counts of our own failures: an exception of ours must not look like a decision. */
  errors(): number {
    return Object.values(this.#scope.status().events).reduce((sum, counts) => sum + (counts.error ?? 0), 0);
  }

  #create(): GatewayScope {
    const settings = parseSettings({
      ...this.#settings,
      limits: LIMITS,
      resumeMs: RESUME_MS,
      observers: [{ clientId: "dashboard" }],
    });
    const config = {};
    const keys = new SessionKeys(
      () => config,
      () => ({}),
    );
    const scope = new GatewayScope(keys, settings, {
      warn: () => {},
      connected: () => {},
      returning: {
        later: this.#clock.later,
        parked: this.#parked,
        as: (client, ms) => {
          // Observers are other clients, with the same devices.
          const { device } = client.connect;
          return device?.id === undefined ? undefined : { identity: device.id, ms, unique: true };
        },
        isSame: (one, other) => {
          const { device } = one.connect;
          return device?.id !== undefined && device.id === other.connect.device?.id;
        },
      },
    });
    scope.onRelease((client: GatewayClient, { payload }: HeldFrame) => {
      (client as Client).got.push((payload as { frame: number }).frame);
    });
    return scope;
  }
}

/** Clients write keys in their own way; the two must meet. */
function asClaimIntent(intent: Intent): ClaimIntent {
  if (intent.kind === "roster" || intent.kind === "wait") return intent;
  const keys = intent.keys.map((key) => SESSIONS[sessionIndex(key)]!.alias);
  if (intent.kind !== "claim") return { kind: intent.kind, keys };
  return { kind: "claim", keys, explicit: intent.explicit, answer: "chosen", startsRun: intent.startsRun };
}

/** A frame as upstream would send it; the place of the key varies with the frame. */
function wire({ id, route, sign }: Frame): { event: string; payload: Record<string, unknown>; opts: unknown } {
  if (route.to === "all") return { event: "tick", payload: { frame: id }, opts: undefined };
  if (route.to === "nobody") return { event: "chat", payload: { frame: id }, opts: undefined };
  if (route.to === "roster")
    return { event: "sessions.changed", payload: { frame: id, key: route.keys[0] }, opts: undefined };
  const { parent } = route;
  const payload = { frame: id, runId: route.runId, ...(parent !== undefined && { spawnedBy: parent }) };
  const [key] = route.keys;
  if (sign) {
    const { event, payload: said } = eventOf(sign, { ...payload, sessionKey: key });
    return { event, payload: said as Record<string, unknown>, opts: { sessionKeys: route.keys } };
  }
  if (route.keys.length > 1)
    return {
      event: "session.tool",
      payload: { ...payload, sessionKey: "agent:x:y" },
      opts: { sessionKeys: route.keys },
    };
  if (id % 3 === 0 || parent !== undefined)
    return { event: "chat", payload: { ...payload, sessionKey: key }, opts: undefined };
  if (id % 3 === 1) return { event: "made.up", payload: { ...payload, request: { sessionKey: key } }, opts: {} };
  return { event: "session.message", payload: { ...payload, session: { key } }, opts: { sessionKeys: [] } };
}
