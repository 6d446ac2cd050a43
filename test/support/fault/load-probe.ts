/**
 * Preload for a gateway under test: measures its event loop and its memory from within.
 *
 * It answers `GET /` on 127.0.0.1 at the port in OPENCLAW_TEST_LOAD_PORT with a {@link LoadReport},
 * and starts anew then.
 */
import { createServer } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

export interface LoadReport {
  /** CPU time of the process so far, all threads, user and system. */
  readonly cpuMs: number;
  /** Resident memory: the most since the last report, and now. */
  readonly rssPeak: number;
  readonly rss: number;
  readonly heapUsed: number;
  /** Milliseconds by which timers of the event loop came late since the last report. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
}

/** A timer that is on time is counted with this. */
const RESOLUTION_MS = 10;

const port = Number(process.env["OPENCLAW_TEST_LOAD_PORT"]);
if (port && isMainThread && process.argv[2] === "gateway") {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let rssPeak = 0;
  const look = (): void => void (rssPeak = Math.max(rssPeak, process.memoryUsage.rss()));
  setInterval(look, 100).unref();
  const late = (nanos: number): number => Math.max(0, nanos / 1e6 - RESOLUTION_MS);
  createServer((_, response) => {
    look();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const at = (percent: number): number => late(histogram.percentile(percent));
    const delay = { p50: at(50), p99: at(99), p999: at(99.9), max: late(histogram.max) };
    const report: LoadReport = { cpuMs: (user + system) / 1000, rssPeak, rss, heapUsed, delay };
    histogram.reset();
    rssPeak = rss;
    response.setHeader("content-type", "application/json").end(JSON.stringify(report));
  })
    .listen(port, "127.0.0.1")
    .unref();
}
