import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { afterEach, expect, test, vi } from "vitest";
import { DIAGNOSTIC_EVENT, Metrics, type MetricsHost } from "../../src/metrics.ts";

const GATEWAY = { connections: 3, claims: 4, sessions: 2, roster: 1, observers: 0, runs: 6, resumable: 1, held: 5 };
const HEARTBEATS = { running: 0, deferred: 0, held: 0, runs: 0, deferrals: 7, aborted: 1 };

const numbers = (events: Record<string, Record<string, number>>) => ({
  gateway: { ...GATEWAY, events },
  heartbeats: HEARTBEATS,
});

/** Metrics of a gateway whose numbers the test sets. */
function publishing(emitters: ReturnType<MetricsHost["emitters"]> = []) {
  const host = {
    now: numbers({ chat: { delivered: 12, "no-claim": 3 } }) as ReturnType<MetricsHost["numbers"]>,
    failures: 0,
    version: () => "1.2.3",
    numbers: () => host.now,
    emitters: () => emitters,
    failed: () => void (host.failures += 1),
  };
  return { host, published: new Metrics(host) };
}

afterEach(() => {
  metrics.disable();
  vi.useRealTimers();
});

/** Registers a real meter provider, as an exporter plugin does; `collect` reads what it would export. */
function openTelemetry() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  expect(metrics.setGlobalMeterProvider(provider)).toBe(true);
  return async () => {
    exporter.reset();
    await provider.forceFlush();
    const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    return Object.fromEntries(
      scopes.flatMap(({ scope, metrics: all }) =>
        all.map(({ descriptor, dataPoints }) => [
          descriptor.name,
          dataPoints.map(({ value, attributes }) => ({ ...attributes, value, by: `${scope.name} ${scope.version}` })),
        ]),
      ),
    );
  };
}

test("a meter provider that is registered later gets counters by event and reason, and gauges", async () => {
  const { host, published } = publishing();
  published.tick();
  const collect = openTelemetry();
  expect(await collect()).toEqual({});
  published.tick();
  const by = "openclaw-event-isolation 1.2.3";
  expect(await collect()).toEqual({
    "openclaw.event_isolation.events": [
      { event: "chat", reason: "delivered", value: 12, by },
      { event: "chat", reason: "no-claim", value: 3, by },
    ],
    "openclaw.event_isolation.heartbeats": [
      { outcome: "deferred", value: 7, by },
      { outcome: "aborted", value: 1, by },
    ],
    "openclaw.event_isolation.connections": [{ value: 3, by }],
    "openclaw.event_isolation.claims": [{ value: 4, by }],
    "openclaw.event_isolation.sessions": [{ value: 2, by }],
    "openclaw.event_isolation.observers": [{ value: 0, by }],
    "openclaw.event_isolation.held": [{ value: 5, by }],
  });

  host.now = numbers({ chat: { delivered: 13, "no-claim": 3 } });
  published.tick(); // the same provider: nothing is registered twice
  expect((await collect())["openclaw.event_isolation.events"]?.[0]).toMatchObject({ value: 13 });
  expect(host.failures).toBe(0);
});

test("the gauges observe nothing before a gateway exists", async () => {
  const { host, published } = publishing();
  host.now = undefined;
  const collect = openTelemetry();
  published.tick();
  const all = Object.values(await collect()).flat();
  expect(all).toEqual([]);
});

test("a diagnostics listener hears of every change once", () => {
  const heard: Readonly<Record<string, unknown>>[] = [];
  const { host, published } = publishing([(event) => void heard.push(event)]);
  published.tick();
  published.tick();
  host.now = numbers({ chat: { delivered: 13 } });
  published.tick();
  expect(heard).toEqual([
    { type: DIAGNOSTIC_EVENT, version: "1.2.3", ...numbers({ chat: { delivered: 12, "no-claim": 3 } }) },
    { type: DIAGNOSTIC_EVENT, version: "1.2.3", ...numbers({ chat: { delivered: 13 } }) },
  ]);
});

test("a failing listener or provider is counted and does not throw", () => {
  const { host, published } = publishing([
    () => {
      throw new Error("listener");
    },
  ]);
  expect(() => published.tick()).not.toThrow();
  expect(host.failures).toBe(1);
});

test("the timer looks every ten seconds, is started once and keeps no process alive", () => {
  vi.useFakeTimers();
  const heard: unknown[] = [];
  const { published } = publishing([(event) => void heard.push(event)]);
  published.start();
  published.start();
  expect(vi.getTimerCount()).toBe(1);
  expect(heard).toEqual([]);
  vi.advanceTimersByTime(10_000);
  expect(heard).toHaveLength(1);
});
