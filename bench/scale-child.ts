/**
 * Measured process of part f: the gateway's broadcaster at the size of a big installation.
 * Arguments: variant, the package's folder, the chunk that declares the broadcaster.
 *
 * - sessions: with the module, each connection on a session of its own, events over all of them
 * - subscribers: with the module, all connections on one session, which all events are of
 * - unprotected: without the module, the same events: all connections get them
 */
import { captureBroadcaster, clientAt, gatewayParams, Socket } from "./captured.ts";
import { serve, type World } from "./measured.ts";
import { builtModule, chatDeltas, claimSessions, newScope, sessionKey } from "./scene.ts";

export type ScaleVariant = "sessions" | "subscribers" | "unprotected";

/** Coprime to every size: one event after the other is of another session, and all have their turn. */
const STRIDE = 7919;

const [variant, root, chunk] = process.argv.slice(2) as [ScaleVariant, string, string];
const built = await builtModule();
const captured = await captureBroadcaster(built, root, chunk);
const nobody = new Set<string>();

serve((size): World => {
  const params = gatewayParams(captured, () => nobody);
  const scope = variant === "unprotected" ? undefined : newScope(built);
  const { broadcast } = scope ? built.scopeBroadcaster(captured.create, params, scope) : captured.create(params);
  const list = Array.from({ length: size }, (_, index) => clientAt(index));
  for (const client of list) params.clients.add(client);
  const spread = variant === "sessions";
  const keyOf = spread ? sessionKey : () => sessionKey(0);
  if (scope) claimSessions(scope, list, built.claimIntent, keyOf);
  const events = Array.from({ length: spread ? size : 1 }, (_, index) => {
    const { payloads, opts } = chatDeltas(keyOf(index), captured.isIndexed ? "2026.9" : "2026.5", 1);
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
