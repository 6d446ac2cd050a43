/**
 * Measured process of part f: the heap that connections and claims hold, as their number grows.
 * Arguments: variant, the package's folder, the chunk, and the sizes with commas between them.
 *
 * Answers one message: heap in use at each size, and after all have gone, twice.
 */
import type { GatewayClient } from "../src/gateway/types.ts";
import { captureBroadcaster, clientAt, gatewayParams } from "./captured.ts";
import { builtModule, claimOnly, claimSessions, scopedBroadcaster } from "./scene.ts";

/**
 * Stub connections alone, with the module, and with a claim each: on one session, on one of its own, or on one of its
 * own in which it has started a run.
 */
export type MemoryVariant = "unprotected" | "module" | "shared" | "own" | "run";

export type Heap = {
  /** Bytes in use beyond those of a gateway without connections, by size. */
  readonly grown: readonly number[];
  /** The same after all connections have gone: what is remembered of their keys, up to a bound. */
  readonly left: number;
  /** The growth after as many have come and gone again: a leak would add up. */
  readonly leftAgain: number;
  /**
   * Bytes of `grown` that came when the connections claimed, by size; no differences of two processes,
   * whose heaps are apart by more than a few claims take.
   */
  readonly claimed: readonly number[];
  readonly status: { readonly connections: number; readonly claims: number; readonly sessions: number } | undefined;
};

const [variant, root, chunk, sizes] = process.argv.slice(2) as [MemoryVariant, string, string, string];
const built = await builtModule();
const captured = await captureBroadcaster(built, root, chunk);
const nobody = new Set<string>();

function build() {
  const params = gatewayParams(captured, () => nobody);
  const isolated = variant === "unprotected" ? undefined : scopedBroadcaster(built, captured.create, params);
  return { clients: params.clients, scope: isolated?.scope, broadcaster: isolated ?? captured.create(params) };
}

const { clients, scope, broadcaster } = build();

function connect(from: number, to: number): GatewayClient[] {
  const added: GatewayClient[] = [];
  for (let index = from; index < to; index += 1) {
    const client = clientAt(index);
    clients.add(client);
    added.push(client);
  }
  return added;
}

/** @param added the connections from the `from`th on */
function claim(added: readonly GatewayClient[], from: number): void {
  if (!scope || variant === "module") return;
  const sessionOf = (at: number): number => (variant === "shared" ? 0 : from + at);
  if (variant === "run") claimSessions(scope, added, built.claimIntent, sessionOf, from);
  else claimOnly(scope, added, built.claimIntent, sessionOf);
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

// Fill and empty once: compiled code and structures of final size are not a cost of a connection.
claim(connect(0, 1000), 0);
empty();
const before = await heapUsed();
const grown: number[] = [];
const claimed: number[] = [];
let filled = 0;
let claims = 0;
for (const size of sizes.split(",").map(Number)) {
  const added = connect(filled, size);
  const unclaimed = await heapUsed();
  claim(added, filled);
  const heap = await heapUsed();
  claims += heap - unclaimed;
  filled = size;
  grown.push(heap - before);
  claimed.push(claims);
}
empty();
const left = (await heapUsed()) - before;
claim(connect(0, filled), 0);
empty();
const leftAgain = (await heapUsed()) - before - left;
broadcaster.broadcast("tick", { ts: 0 });
process.send?.({ grown, claimed, left, leftAgain, status: scope?.status() } satisfies Heap);
process.disconnect();
