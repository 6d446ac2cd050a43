/**
 * Measured process of part f: the heap that connections and claims hold, as their number grows.
 * Arguments: variant, the package's folder, the chunk, and the sizes with commas between them.
 *
 * Answers one message: heap in use at each size, and after all have gone, twice.
 */
import type { GatewayClient } from "../src/host/gateway-types.ts";
import { captureBroadcaster, clientAt, gatewayParams } from "./captured.ts";
import { builtModule, claimSessions, newScope, sessionKey } from "./scene.ts";

/** Stub connections alone, with the module, and with a claim each: on one session or on one of its own. */
export type MemoryVariant = "unprotected" | "module" | "shared" | "own";

export type Heap = {
  /** Bytes in use beyond those of a gateway without connections, by size. */
  readonly grown: readonly number[];
  /** The same after all connections have gone: what is remembered of their keys, up to a bound. */
  readonly left: number;
  /** What is left more after as many have come and gone again: what would add up. */
  readonly leftAgain: number;
  readonly status: { readonly connections: number; readonly claims: number; readonly sessions: number } | undefined;
};

const [variant, root, chunk, sizes] = process.argv.slice(2) as [MemoryVariant, string, string, string];
const built = await builtModule();
const captured = await captureBroadcaster(built, root, chunk);
const nobody = new Set<string>();

function build() {
  const params = gatewayParams(captured, () => nobody);
  const scope = variant === "unprotected" ? undefined : newScope(built);
  const broadcaster = scope ? built.scopeBroadcaster(captured.create, params, scope) : captured.create(params);
  return { clients: params.clients, scope, broadcaster };
}

const { clients, scope, broadcaster } = build();

function fill(from: number, to: number): void {
  const added: GatewayClient[] = [];
  for (let index = from; index < to; index += 1) {
    const client = clientAt(index);
    clients.add(client);
    added.push(client);
  }
  if (!scope || variant === "module") return;
  claimSessions(scope, added, built.claimIntent, (at) => sessionKey(variant === "own" ? from + at : 0));
}

function empty(): void {
  for (const client of clients) clients.delete(client);
}

async function heapUsed(): Promise<number> {
  // Weak entries and what finalizers hold go in a second round.
  for (let round = 0; round < 2; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

// Once full and empty again: what is compiled and what has grown to its final size is no cost of a connection.
fill(0, 1000);
empty();
const before = await heapUsed();
const grown: number[] = [];
let filled = 0;
for (const size of sizes.split(",").map(Number)) {
  fill(filled, size);
  filled = size;
  grown.push((await heapUsed()) - before);
}
empty();
const left = (await heapUsed()) - before;
fill(0, filled);
empty();
const leftAgain = (await heapUsed()) - before - left;
broadcaster.broadcast("tick", { ts: 0 });
process.send?.({ grown, left, leftAgain, status: scope?.status() } satisfies Heap);
process.disconnect();
