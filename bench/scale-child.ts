/**
 * Measured process of part f: the gateway's broadcaster at the size of a big installation.
 * Arguments: variant, the package's folder, the chunk that declares the broadcaster.
 *
 * - sessions: with the module, each connection on a session of its own, events over all of them
 * - subscribers: with the module, all connections on one session, which all events are of
 * - half: the same for every second connection; the others claim a session of their own
 * - unprotected: without the module, the same events: all connections get them
 */
import { captureBroadcaster, clientAt, gatewayParams, Socket } from "./captured.ts";
import { serve, type World } from "./measured.ts";
import { builtModule, chatDeltas, claimSessions, runBegins, scopedBroadcaster } from "./scene.ts";

export type ScaleVariant = "sessions" | "subscribers" | "half" | "unprotected";

/** Coprime to every size: one event after the other is of another session, and all have their turn. */
const STRIDE = 7919;

const [variant, root, chunk] = process.argv.slice(2) as [ScaleVariant, string, string];
const built = await builtModule();
const captured = await captureBroadcaster(built, root, chunk);
const nobody = new Set<string>();

serve((size): World => {
  const params = gatewayParams(captured, () => nobody);
  const isolated = variant === "unprotected" ? undefined : scopedBroadcaster(built, captured.create, params);
  const { broadcast } = isolated ?? captured.create(params);
  const list = Array.from({ length: size }, (_, index) => clientAt(index));
  for (const client of list) params.clients.add(client);
  const spread = variant === "sessions";
  const sessionOf = (index: number): number => (spread || (variant === "half" && index % 2 === 1) ? index : 0);
  if (isolated) claimSessions(isolated.scope, list, built.claimIntent, sessionOf);
  const events = Array.from({ length: spread ? size : 1 }, (_, index) => {
    broadcast("agent", runBegins(index));
    const { payloads, opts } = chatDeltas(index, captured.isIndexed ? "2026.9" : "2026.5", 1);
    return { payload: payloads[0], opts };
  });
  let sent = 0;
  return {
    emit: (count) => {
      for (let event = 0; event < count; event += 1) {
        const { payload, opts } = events[(sent * STRIDE) % events.length]!;
        sent += 1;
        broadcast("chat", payload, opts);
      }
    },
    frames: () => Socket.frames,
  };
});
