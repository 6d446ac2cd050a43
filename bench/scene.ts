/** Connections and chat events as a gateway sees them; shared by the measured processes. */
import type { GatewayScope, ScopeHost } from "../src/delivery/gateway-scope.ts";
import type { Broadcaster, BroadcasterParams, CreateBroadcaster, GatewayClient } from "../src/gateway/types.ts";
import type { ClaimIntent } from "../src/policy/claim-intent.ts";

export const SIZES: readonly number[] = [1, 2, 5, 20, 100, 1000, 10_000];

/** What a gateway passes to `broadcast` for the deltas of one run. */
export type ChatEvents = {
  /** About 300 bytes each as JSON. */
  readonly payloads: readonly object[];
  readonly opts: object;
};

/** The session of the measured events: that of a connection in the middle. */
export function watchedSession(size: number): number {
  return Math.floor(size / 2);
}

export function sessionKey(index: number): string {
  return `agent:main:direct:user-${String(index).padStart(5, "0")}`;
}

/** The run that a connection has started. */
export function runId(index: number): string {
  return `5a1c7c2e-6d0f-4d0c-9a57-${String(index).padStart(12, "0")}`;
}

/**
 * Deltas of one run. 2026.9 names the agent and gives the keys in the options, too, which earlier
 * releases do not. Its `liveText` is left out: it would cost the gateway time, but not the module.
 */
export function chatDeltas(index: number, as: "2026.9" | "2026.5", count = 64): ChatEvents {
  const key = sessionKey(index);
  // One string for all events of a run, as in a gateway.
  const run = runId(index);
  const newer = as === "2026.9";
  const payloads = Array.from({ length: count }, (_, seq) => ({
    runId: run,
    sessionKey: key,
    ...(newer ? { agentId: "main" } : {}),
    seq: seq + 1,
    state: "delta",
    ...(newer ? { deltaText: ` word${String(seq).padStart(3, "0")}` } : {}),
    message: {
      role: "assistant",
      content: [
        { type: "text", text: `The quick brown fox jumps over ${seq} lazy dogs. `.padEnd(newer ? 80 : 110, "and on ") },
      ],
      timestamp: 1_790_000_000_000 + seq * 150,
    },
  }));
  return { payloads, opts: { dropIfSlow: true, ...(newer ? { sessionKeys: [key] } : {}) } };
}

/** What the gateway sends first of a run. */
export function runBegins(index: number): object {
  const data = { phase: "start", startedAt: 1_790_000_000_000 };
  return { runId: runId(index), sessionKey: sessionKey(index), stream: "lifecycle", seq: 1, data };
}

/** Does what an accepted `chat.history` of each connection does. @param sessionOf the session of a connection */
export function claimOnly(
  scope: GatewayScope,
  clients: readonly GatewayClient[],
  intentOf: (method: string, params: unknown) => ClaimIntent | undefined,
  sessionOf: (index: number) => number,
): void {
  for (const [index, client] of clients.entries()) {
    const intent = intentOf("chat.history", { sessionKey: sessionKey(sessionOf(index)) });
    const request = intent && scope.requests.begin(client, intent, scope.requests.keysOf(intent));
    if (!request || "refuse" in request) throw new Error("the claim was refused");
    request.answered?.({ ok: true, payload: { messages: [] } });
  }
}

/**
 * Does what an accepted `chat.send` of each connection does.
 *
 * @param sessionOf the session of a connection; by default one of its own
 * @param first number of the first run; each connection starts one
 */
export function claimSessions(
  scope: GatewayScope,
  clients: readonly GatewayClient[],
  intentOf: (method: string, params: unknown) => ClaimIntent | undefined,
  sessionOf = (index: number) => index,
  first = 0,
): void {
  for (const [index, client] of clients.entries()) {
    const intent = intentOf("chat.send", {
      sessionKey: sessionKey(sessionOf(index)),
      message: "hi",
      idempotencyKey: runId(first + index),
    });
    const request = intent && scope.requests.begin(client, intent, scope.requests.keysOf(intent));
    if (!request || "refuse" in request) throw new Error("the claim was refused");
    request.answered?.({ ok: true, payload: { runId: runId(first + index), status: "started" } });
  }
}

/** The built module, as it ships. Loaded late, so that type checks do not need a build. */
export async function builtModule() {
  const load = (path: string): Promise<unknown> => import(new URL(`../dist/${path}`, import.meta.url).href);
  const [scope, broadcast, loader, keys, claims, settings, heartbeats] = await Promise.all(
    [
      "delivery/gateway-scope.js",
      "delivery/broadcast.js",
      "attach/loader.js",
      "gateway/session-keys.js",
      "policy/claim-intent.js",
      "policy/settings.js",
      "heartbeats/guard.js",
    ].map(load),
  );
  return {
    ...(scope as typeof import("../src/delivery/gateway-scope.ts")),
    ...(broadcast as typeof import("../src/delivery/broadcast.ts")),
    ...(loader as typeof import("../src/attach/loader.ts")),
    ...(keys as typeof import("../src/gateway/session-keys.ts")),
    ...(claims as typeof import("../src/policy/claim-intent.ts")),
    ...(settings as typeof import("../src/policy/settings.ts")),
    ...(heartbeats as typeof import("../src/heartbeats/guard.ts")),
  };
}

export type BuiltModule = Awaited<ReturnType<typeof builtModule>>;

/** A scope as the composition root makes one. @param settings of the module; the defaults else */
export function newScope(
  { GatewayScope: Scope, SessionKeys, parseSettings }: BuiltModule,
  settings?: unknown,
  heartbeats?: ScopeHost["heartbeats"],
): GatewayScope {
  const host = { warn: () => {}, connected: () => {}, ...(heartbeats && { heartbeats }) };
  return new Scope(keysOf(SessionKeys), parseSettings(settings), host);
}

/** The gateway's broadcaster with the module around it: the scope, and the guard that looks at every event, too. */
export function scopedBroadcaster(
  built: BuiltModule,
  create: CreateBroadcaster,
  params: BroadcasterParams,
  settings?: unknown,
): Broadcaster & { readonly scope: GatewayScope } {
  const guard = new built.HeartbeatGuard({
    functions: () => [],
    replaced: () => [],
    config: () => ({}),
    mayAbort: () => true,
    failed: () => {},
    info: () => {},
  });
  const scope = newScope(built, settings, guard);
  guard.begin(built.parseSettings(settings).heartbeat, keysOf(built.SessionKeys));
  return { ...built.scopeBroadcaster(create, params, scope, guard.holdBack), scope };
}

function keysOf(SessionKeys: BuiltModule["SessionKeys"]): InstanceType<BuiltModule["SessionKeys"]> {
  const config = {};
  return new SessionKeys(
    () => config,
    () => ({}),
  );
}
