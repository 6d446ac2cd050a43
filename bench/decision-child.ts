/** Measured process of part a: the module's decision alone. */
import type { GatewayClient } from "../src/gateway/types.ts";
import { serve, type World } from "./measured.ts";
import { builtModule, chatDeltas, claimSessions, newScope, sessionKey, watchedSession } from "./scene.ts";

const built = await builtModule();

serve((size): World => {
  const scope = newScope(built);
  const clients = Array.from({ length: size }, (_, index): GatewayClient => ({
    connId: `conn-${index}`,
    connect: { role: "operator" },
  }));
  for (const client of clients) scope.connected(client);
  claimSessions(scope, clients, built.claimIntent);
  const { payloads, opts } = chatDeltas(sessionKey(watchedSession(size)), "2026.9");
  let frames = 0;
  return {
    emit: (events) => {
      for (let event = 0; event < events; event += 1) {
        frames += scope.audience("chat", payloads[event & 63], opts)?.deliver.size ?? 0;
      }
    },
    frames: () => frames,
  };
});
