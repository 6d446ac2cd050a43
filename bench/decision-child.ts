/** Measured process of part a: the module's decision alone, or what it is held to. Argument: which of the two. */
import type { GatewayClient } from "../src/gateway/types.ts";
import { serve, type World } from "./measured.ts";
import { builtModule, chatDeltas, claimSessions, newScope, runBegins, watchedSession } from "./scene.ts";

export type DecisionVariant = "module" | "JSON.stringify";

const [variant] = process.argv.slice(2) as [DecisionVariant];
const built = await builtModule();

serve((size): World => {
  const scope = newScope(built);
  const clients = Array.from({ length: size }, (_, index): GatewayClient => ({
    connId: `conn-${index}`,
    connect: { role: "operator" },
  }));
  for (const client of clients) scope.connected(client);
  claimSessions(scope, clients, built.claimIntent);
  const { payloads, opts } = chatDeltas(watchedSession(size), "2026.9");
  scope.audience("agent", runBegins(watchedSession(size)), undefined);
  let frames = 0;
  if (variant === "JSON.stringify") {
    return {
      emit: (events) => {
        for (let event = 0; event < events; event += 1) {
          frames +=
            JSON.stringify({ type: "event", event: "chat", payload: payloads[event & 63] }).length > 300 ? 1 : 0;
        }
      },
      frames: () => frames,
    };
  }
  return {
    emit: (events) => {
      for (let event = 0; event < events; event += 1) {
        const payload = payloads[event & 63];
        const same = scope.words.next("chat", payload, opts);
        frames += (same ?? scope.audience("chat", payload, opts)?.deliver)?.size ?? 0;
      }
    },
    frames: () => frames,
  };
});
