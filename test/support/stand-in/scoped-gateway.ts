/** A gateway in miniature: a stand-in broadcaster under the real scope. */
import { GatewayScope, type HeartbeatFrames } from "../../../src/delivery/gateway-scope.ts";
import { type HoldBack, scopeBroadcaster } from "../../../src/delivery/broadcast.ts";
import type { Returning } from "../../../src/delivery/returning.ts";
import { claimsStep } from "../../../src/delivery/request-gate.ts";
import type { GatewayClient, GatewayConfig } from "../../../src/gateway/types.ts";
import type { Answer, Passage } from "../../../src/delivery/requests.ts";
import { SessionKeys } from "../../../src/gateway/session-keys.ts";
import { type ClaimIntent, claimIntent } from "../../../src/policy/claim-intent.ts";
import { parseSettings } from "../../../src/policy/settings.ts";
import { type FakeBroadcaster, type FakeClient, fakeClient, FakeClients, type FakeParams } from "./stand-ins.ts";

/** A request whose answer is still to come. */
export interface OpenRequest {
  answered(answer: Answer): void;
  /** The gateway's handler throws without an answer. */
  failed(): void;
}

/** Begins a claim as the request path does. */
export function beginClaim(scope: GatewayScope, client: GatewayClient, intent: ClaimIntent): OpenRequest {
  const step = claimsStep({ scopeOf: () => scope, rulesMayChange: () => {} });
  const keys = scope.requests.keysOf(intent);
  const request = step({ client, nested: false, method: "", params: {}, intent, keys });
  if (request && "refuse" in request) throw new Error(request.refuse.message);
  const passage: Passage = request ?? {};
  return {
    answered: (answer) => passage.answered?.(answer),
    failed: () => passage.ended?.(true),
  };
}

export interface Scoped {
  readonly scope: GatewayScope;
  readonly clients: FakeClients;
  readonly broadcaster: FakeBroadcaster;
  connect(connId: string, scopes?: readonly string[], self?: GatewayClient["connect"]): FakeClient;
  disconnect(client: FakeClient): void;
  /** Begins a request; its answer is still to come. */
  ask(client: FakeClient, method: string, params: unknown): OpenRequest;
  /** A request that the gateway accepts at once. */
  accepted(client: FakeClient, method: string, params: unknown): void;
}

interface Options {
  readonly settings?: unknown;
  readonly config?: () => GatewayConfig;
  readonly params?: Partial<FakeParams>;
  readonly returning?: Returning;
  readonly guard?: HeartbeatFrames & { readonly holdBack: HoldBack };
}

export function scopedGateway(create: (params: FakeParams) => FakeBroadcaster, options: Options = {}): Scoped {
  const config: GatewayConfig = {};
  const keys = new SessionKeys(options.config ?? (() => config), () => ({}));
  const { returning, guard } = options;
  const host = {
    warn: () => {},
    connected: () => {},
    ...(returning && { returning }),
    ...(guard && { heartbeats: guard }),
  };
  const scope = new GatewayScope(keys, parseSettings(options.settings), host);
  const clients = new FakeClients();
  // Getters stay getters, as in the gateway's own parameters.
  const given: FakeParams = Object.defineProperties(
    { clients },
    Object.getOwnPropertyDescriptors(options.params ?? {}),
  );
  const broadcaster = scopeBroadcaster(create, given, scope, guard?.holdBack);
  const ask: Scoped["ask"] = (client, method, params) =>
    beginClaim(scope, client, claimIntent(method, params) as ClaimIntent);
  return {
    scope,
    clients,
    broadcaster,
    ask,
    disconnect: (client) => void clients.delete(client),
    connect: (connId, scopes = [], self = {}) => {
      const client = fakeClient(connId, { role: "operator", scopes, ...self });
      clients.add(client);
      return client;
    },
    accepted: (client, method, params) => ask(client, method, params).answered({ ok: true, payload: {} }),
  };
}

export function eventsOf(client: FakeClient): string[] {
  return client.frames.map(({ event }) => event);
}

/** The `n` of each payload: which frames a client got, in the order it got them. */
export function got(client: FakeClient): unknown[] {
  return client.frames.map(({ payload }) => (payload as { n?: unknown }).n);
}

export function numbers(client: FakeClient): (number | undefined)[] {
  return client.frames.map(({ seq }) => seq);
}
