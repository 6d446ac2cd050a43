/**
 * Preload for a gateway under test: reports how much it holds, and changes nothing. `node --import` runs it
 * as it is, with the module or without.
 *
 * It answers `GET /` on 127.0.0.1 at the port in OPENCLAW_TEST_STATE_PORT with a {@link GatewayState}.
 */
import { createServer } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";
import type { ConnectionStatus, GatewayNumbers, HeartbeatNumbers, SessionStatus } from "../../../src/status.ts";

export interface GatewayState {
  /** Bytes, after forced garbage collection. */
  readonly heap: number;
  readonly rss: number;
  /** The module's own status; undefined without the module. */
  readonly gateway?: GatewayNumbers;
  readonly heartbeats?: HeartbeatNumbers;
  readonly connections?: readonly ConnectionStatus[];
  readonly sessionKeys?: readonly SessionStatus[];
}

const port = Number(process.env["OPENCLAW_TEST_STATE_PORT"]);
if (port && isMainThread && process.argv[2] === "gateway") {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  createServer((_, response) => {
    // Twice: what the first one finalizes goes with the second.
    gc();
    setImmediate(() => {
      gc();
      const { heapUsed: heap, rss } = process.memoryUsage();
      const isolation = (globalThis as Record<symbol, unknown>)[Symbol.for("openclaw-event-isolation")];
      const status = (isolation as { status(): object } | undefined)?.status();
      const state = { heap, rss, ...status };
      response
        .setHeader("connection", "close")
        .setHeader("content-type", "application/json")
        .end(JSON.stringify(state));
    });
  })
    .listen(port, "127.0.0.1")
    .unref();
}
