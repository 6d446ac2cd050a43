/**
 * Preload for a gateway under test: registers a real OpenTelemetry meter provider, as an exporter plugin
 * does some time after the start, and listens to the gateway's diagnostics events.
 *
 * It answers `GET /` on 127.0.0.1 at the port in OPENCLAW_TEST_METRICS_PORT with a {@link MetricsReport}.
 */
import { createServer } from "node:http";
import { registerHooks } from "node:module";
import { isMainThread } from "node:worker_threads";

export interface MetricsReport {
  /** What OpenTelemetry would export now, by instrument. */
  readonly metrics: Readonly<Record<string, readonly { value: number; attributes: Record<string, string> }[]>>;
  /** Diagnostics events of the module, as a listener got them. */
  readonly diagnostics: readonly Readonly<Record<string, unknown>>[];
}

type Listen = (listener: (event: { type: string }) => void) => unknown;

const SYMBOL = "event-isolation.test.metrics-probe";
const diagnostics: { type: string }[] = [];

const port = Number(process.env["OPENCLAW_TEST_METRICS_PORT"]);
if (port && isMainThread && process.argv[2] === "gateway") {
  const listeners: Listen[] = [];
  Object.defineProperty(globalThis, Symbol.for(SYMBOL), { value: (listen: Listen) => void listeners.push(listen) });
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (loaded.format !== "module" || !loaded.source || !/\/openclaw\/dist\/[^/]+\.m?js$/.test(url)) return loaded;
      const source =
        typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
      if (!source.includes("\nfunction onDiagnosticEvent(")) return loaded;
      return { ...loaded, source: `globalThis[Symbol.for("${SYMBOL}")](onDiagnosticEvent);${source}` };
    },
  });
  const { metrics } = await import("@opentelemetry/api");
  const sdk = await import("@opentelemetry/sdk-metrics");
  const exporter = new sdk.InMemoryMetricExporter(sdk.AggregationTemporality.CUMULATIVE);
  const reader = new sdk.PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new sdk.MeterProvider({ readers: [reader] });
  setTimeout(() => {
    metrics.setGlobalMeterProvider(provider);
    for (const listen of listeners)
      listen((event) => event.type.startsWith("event-isolation") && diagnostics.push(event));
  }, 1_000).unref();
  createServer((_, response) => {
    void (async () => {
      exporter.reset();
      await provider.forceFlush();
      const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
      const report = {
        metrics: Object.fromEntries(
          all.map(({ descriptor, dataPoints }) => [
            descriptor.name,
            dataPoints.map(({ value, attributes }) => ({ value, attributes })),
          ]),
        ),
        diagnostics,
      };
      response.setHeader("content-type", "application/json").end(JSON.stringify(report));
    })();
  })
    .listen(port, "127.0.0.1")
    .unref();
}
