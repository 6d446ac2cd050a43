/** The two gateways of the load, and what one of them went through in a round. */
import { measuredProcess } from "../../bench/processes.ts";
import type { TimedModel } from "../../bench/timed-model.ts";
import { isolationRegister } from "../../test/support/gateway/bed.ts";
import type { Endpoint } from "../../test/support/wire/clients.ts";
import { freePort, startGateway } from "../../test/support/gateway/gateway.ts";
import type { LoadReport } from "../../test/support/fault/load-probe.ts";
import type { Release } from "../../test/support/gateway/release.ts";
import type { Order, Outcome } from "./clients-child.ts";

export type Name = "unprotected" | "module";

export type Round = Outcome & {
  /** The most answers that streamed at a time. */
  readonly overlapping: number;
  readonly gateway: Omit<LoadReport, "cpuMs"> & { readonly cpuMs: number };
};

export type Loaded = AsyncDisposable & {
  readonly name: Name;
  round(order: Order & { readonly delayMs: number }): Promise<Round>;
};

const PROBE = new URL("../../test/support/fault/load-probe.ts", import.meta.url);
const BOOT_TIMEOUT_MS = 240_000;

/** Boots a gateway and connects its clients. */
export async function loadedGateway(
  name: Name,
  {
    release,
    model,
    connections,
    sessions,
  }: { release: Release; model: TimedModel; connections: number; sessions: number },
): Promise<Loaded> {
  await using stack = new AsyncDisposableStack();
  const port = await freePort();
  const gateway = await startGateway({
    release,
    model,
    preload: name === "module" ? isolationRegister() : undefined,
    bootTimeoutMs: BOOT_TIMEOUT_MS,
    env: { NODE_OPTIONS: `--import=${PROBE.href}`, OPENCLAW_TEST_LOAD_PORT: String(port) },
    // All sessions at once, and one more.
    config: { agents: { defaults: { maxConcurrent: sessions + 1 } } },
  });
  stack.defer(() => gateway.stop());
  const clients = await measuredProcess(new URL("clients-child.ts", import.meta.url), [
    JSON.stringify({ url: gateway.url, token: gateway.token, release } satisfies Endpoint),
    String(connections),
  ]);
  stack.use(clients);
  await clients.next(); // connected
  const report = async (): Promise<LoadReport> =>
    (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as LoadReport;
  const held = stack.move();
  return {
    name,
    async round({ delayMs, ...order }) {
      model.timing = { chunks: order.chunks, delayMs, together: order.sessions };
      const { cpuMs } = await report();
      const answer = clients.next();
      clients.send(order);
      const outcome = (await answer) as Outcome;
      const after = await report();
      return { ...outcome, overlapping: model.overlapping, gateway: { ...after, cpuMs: after.cpuMs - cpuMs } };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
