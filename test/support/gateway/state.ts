/** How to ask a gateway under test how much it holds. */
import { freePort } from "./gateway.ts";
import type { GatewayState } from "../fault/state-probe.ts";
import { PATIENCE_MS } from "./patience.ts";

export type { GatewayState } from "../fault/state-probe.ts";

export interface StateProbe {
  /** For the gateway's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Of this machine, where it answers. */
  readonly port: number;
  /** Collects the gateway's garbage, then tells. */
  state(): Promise<GatewayState>;
}

/**
 * A probe for one gateway.
 *
 * @param preloads more modules to load before the gateway's own preload, as `file:` URLs
 */
export async function stateProbe(preloads: readonly string[] = []): Promise<StateProbe> {
  const port = await freePort();
  const probe = new URL("../fault/state-probe.ts", import.meta.url).href;
  return {
    env: {
      NODE_OPTIONS: [probe, ...preloads].map((url) => `--import=${url}`).join(" "),
      OPENCLAW_TEST_STATE_PORT: String(port),
    },
    state: () => stateAt(port),
    port,
  };
}

/** Asks the probe at a port of this machine. */
export async function stateAt(port: number): Promise<GatewayState> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  return (await answer.json()) as GatewayState;
}

/** How often the module failed, by event name. */
export function errorsOf({ gateway }: GatewayState): Readonly<Record<string, number>> {
  const errors = Object.entries(gateway?.events ?? {}).map(([event, { error = 0 }]) => [event, error] as const);
  return Object.fromEntries(errors.filter(([, count]) => count > 0));
}
