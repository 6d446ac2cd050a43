/**
 * Measured process of part b: the broadcaster of a release, taken out of the installed bundle, in
 * one variant. Arguments: variant, the package's folder, the chunk that declares the broadcaster.
 */
import type { Broadcaster } from "../src/gateway/types.ts";
import { captureBroadcaster, clientAt, gatewayParams, Socket } from "./captured.ts";
import { serve, type World } from "./measured.ts";
import {
  builtModule,
  type ChatEvents,
  chatDeltas,
  claimSessions,
  runBegins,
  scopedBroadcaster,
  sessionKey,
  watchedSession,
} from "./scene.ts";

export type BroadcasterVariant = "unprotected" | "opt-in" | "targeted" | "module" | Configured;

/** The module with other settings than its defaults. */
export type Configured = "observer" | "10 rules" | "1,000 rules" | "scope run";

const SETTINGS: Readonly<Record<Configured, unknown>> = {
  observer: { observers: [{ clientId: "dashboard" }] },
  "10 rules": { access: rules(10) },
  "1,000 rules": { access: rules(1000) },
  "scope run": { scope: "run" },
};

/** Rules of which only the last one fits the connections here. */
function rules(count: number): object[] {
  const others = Array.from({ length: count - 1 }, (_, index) => ({
    match: { deviceId: `device-${index}` },
    sessions: [`agent:main:device-${index}:*`],
  }));
  return [...others, { match: { clientId: "gateway-client" }, sessions: ["agent:main:*"] }];
}

const [variant, root, chunk] = process.argv.slice(2) as [BroadcasterVariant, string, string];
const built = await builtModule();
const captured = await captureBroadcaster(built, root, chunk);

serve((size): World => {
  const watched = watchedSession(size);
  const key = sessionKey(watched);
  const subscribers = new Set([`conn-${watched}`]);
  const nobody = new Set<string>();
  const params = gatewayParams(captured, (asked) => (asked === key ? subscribers : nobody));
  const configured = Object.hasOwn(SETTINGS, variant) ? SETTINGS[variant as Configured] : undefined;
  const isolated =
    variant === "module" || configured ? scopedBroadcaster(built, captured.create, params, configured) : undefined;
  const broadcaster = isolated ?? captured.create(params);
  const caps = variant === "opt-in" ? ["session-scoped-events"] : [];
  const list = Array.from({ length: size }, (_, index) => clientAt(index, caps));
  // It follows all sessions, and claims none that it is asked about.
  if (variant === "observer") list.push(clientAt(size, caps, "dashboard"));
  for (const client of list) params.clients.add(client);
  if (isolated) claimSessions(isolated.scope, list, built.claimIntent);
  broadcaster.broadcast("agent", runBegins(watched), { sessionKeys: [key] });
  const events = chatDeltas(watched, captured.isIndexed ? "2026.9" : "2026.5");
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
