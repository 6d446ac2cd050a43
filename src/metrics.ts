/**
 * The numbers of the status for OpenTelemetry and as the gateway's own diagnostics events. Nothing is counted and no
 * work is done per event here: a timer and the exporter's own schedule read the status.
 */
import type { GatewayNumbers, HeartbeatNumbers } from "./status.ts";

/** What the metrics need of the process around them. */
export interface MetricsHost {
  readonly version: () => string;
  numbers(): { readonly gateway: GatewayNumbers; readonly heartbeats: HeartbeatNumbers } | undefined;
  /** The release's `emitDiagnosticEvent`, one for each copy of its module; none on a release without it. */
  emitters(): readonly DiagnosticEmitter[];
  /** Something in the module failed. */
  failed(): void;
}

export type DiagnosticEmitter = (event: Readonly<Record<string, unknown>>) => void;

/** Type of the diagnostics event. */
export const DIAGNOSTIC_EVENT = "event-isolation.counters";

/** How often to check for changes: of the numbers, and of the meter provider, which may be registered late. */
const INTERVAL_MS = 10_000;

/** Where every copy of `@opentelemetry/api` 1.x keeps the providers that were registered with any of them. */
const OTEL_GLOBAL = Symbol.for("opentelemetry.js.api.1");

/** The part of `@opentelemetry/api` that is used. */
export interface MeterProvider {
  getMeter(name: string, version?: string): Meter;
}
interface Meter {
  createObservableCounter(name: string, options: InstrumentOptions): Instrument;
  createObservableGauge(name: string, options: InstrumentOptions): Instrument;
}
interface InstrumentOptions {
  readonly description: string;
  readonly unit: string;
}
interface Instrument {
  addCallback(callback: (result: Observed) => void): void;
}
interface Observed {
  observe(value: number, attributes?: Readonly<Record<string, string>>): void;
}

export class Metrics {
  readonly #host: MetricsHost;
  #provider: MeterProvider | undefined;
  #last = "";
  #started = false;

  constructor(host: MetricsHost) {
    this.#host = host;
  }

  /** Begins to publish; a second call changes nothing. Keeps no process alive. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    setInterval(() => this.tick(), INTERVAL_MS).unref();
  }

  /** Checks for a new meter provider, and reports changed numbers to the gateway's listeners. */
  tick(): void {
    try {
      const provider = meterProvider();
      if (provider && provider !== this.#provider) {
        this.#provider = provider;
        this.#instruments(provider.getMeter("openclaw-event-isolation", this.#host.version()));
      }
      this.#emit();
    } catch {
      this.#host.failed();
    }
  }

  #emit(): void {
    const emitters = this.#host.emitters();
    const numbers = emitters.length > 0 ? this.#host.numbers() : undefined;
    if (!numbers) return;
    const text = JSON.stringify(numbers);
    if (text === this.#last) return;
    this.#last = text;
    for (const emit of emitters) emit({ type: DIAGNOSTIC_EVENT, version: this.#host.version(), ...numbers });
  }

  #instruments(meter: Meter): void {
    const observe = (instrument: Instrument, read: (result: Observed, now: NonNullable<Numbers>) => void): void =>
      instrument.addCallback((result) => {
        try {
          const numbers = this.#host.numbers();
          if (numbers) read(result, numbers);
        } catch {
          this.#host.failed();
        }
      });
    observe(
      meter.createObservableCounter("openclaw.event_isolation.events", {
        description: "Events, by name and outcome",
        unit: "{event}",
      }),
      (result, { gateway }) => {
        for (const [event, reasons] of Object.entries(gateway.events))
          for (const [reason, count] of Object.entries(reasons)) result.observe(count, { event, reason });
      },
    );
    observe(
      meter.createObservableCounter("openclaw.event_isolation.heartbeats", {
        description: "Heartbeats deferred and aborted for users' runs",
        unit: "{heartbeat}",
      }),
      (result, { heartbeats }) => {
        result.observe(heartbeats.deferrals, { outcome: "deferred" });
        result.observe(heartbeats.aborted, { outcome: "aborted" });
      },
    );
    for (const name of ["connections", "claims", "sessions", "observers", "held"] as const) {
      const gauge = meter.createObservableGauge(`openclaw.event_isolation.${name}`, {
        description: GAUGES[name],
        unit: "1",
      });
      observe(gauge, (result, { gateway }) => result.observe(gateway[name]));
    }
  }
}

type Numbers = ReturnType<MetricsHost["numbers"]>;

const GAUGES = {
  connections: "Connected clients",
  claims: "Pairs of connection and claimed session",
  sessions: "Sessions with at least one claim",
  observers: "Connections that see all sessions",
  held: "Frames that wait for the answer to a request",
} as const;

/** The meter provider that the process has registered; undefined without OpenTelemetry. */
function meterProvider(): MeterProvider | undefined {
  const registered = (globalThis as Record<symbol, unknown>)[OTEL_GLOBAL] as { metrics?: MeterProvider } | undefined;
  return typeof registered?.metrics?.getMeter === "function" ? registered.metrics : undefined;
}
