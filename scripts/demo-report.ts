/** The demo's result in the shape of the probe's report. */
import type { KnownSession } from "../src/report/attribute.ts";
import { judge } from "../src/report/judge.ts";
import { observe, type Witness } from "../src/report/observe.ts";
import { type GatewayReport, type ProbeReport, REPORT_VERSION } from "../src/report/shape.ts";
import { summaryOf } from "../src/report/text.ts";
import type { Client } from "../test/support/wire/clients.ts";

interface Scene {
  readonly label: string;
  readonly release: string;
  /** As `Date.now()`. */
  readonly startedAt: number;
  readonly senders: readonly {
    readonly name: string;
    readonly key: string;
    readonly tokens: readonly string[];
    readonly runId: string;
  }[];
  /** The senders, in their order, and then all others. */
  readonly receivers: readonly (readonly [name: string, client: Client])[];
}

/** The frames that one gateway of the demo sent to each connection. Every run has ended. */
export function gatewayReport({ label, release, startedAt, senders, receivers }: Scene): GatewayReport {
  const sessions = senders.map(({ name, key, tokens, runId }): KnownSession => ({
    name,
    key,
    tokens,
    runIds: [runId],
  }));
  const witnesses = receivers.map(([name, client], index): Witness => ({
    name,
    asked: index < senders.length ? `sends in session ${name}` : "asks for nothing",
    scopes: ["operator.read", "operator.write"],
    caps: [],
    frames: client.frames.map(({ at, event, payload, seq, json }) => ({
      atMs: at - startedAt,
      event,
      payload,
      seq,
      json,
    })),
    claims: index < senders.length ? [{ session: index, fromMs: 0 }] : [],
    sends: [index],
  }));
  const observation = observe(sessions, witnesses);
  const runs = senders.map(({ name }) => ({ session: name, round: 1, end: "final" }) as const);
  const conduct = { mode: "exchange", runs, joined: undefined, dropped: 0, interrupted: false } as const;
  return {
    label,
    release,
    mode: "exchange",
    durationMs: Date.now() - startedAt,
    ...judge(observation, conduct),
    ...observation,
    leftBehind: [],
  };
}

/** Both gateways side by side. */
export function demoReport(startedAt: string, gateways: readonly GatewayReport[]): ProbeReport {
  return {
    kind: "openclaw-event-isolation/report",
    version: REPORT_VERSION,
    made: "demo",
    startedAt,
    summary: summaryOf(gateways),
    gateways,
  };
}
