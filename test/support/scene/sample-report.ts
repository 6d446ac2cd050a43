/** A report as a probe makes it, from frames written by hand. */
import type { SeenFrame } from "../../../src/report/attribute.ts";
import { judge, LEFT } from "../../../src/report/judge.ts";
import { observe, type Witness } from "../../../src/report/observe.ts";
import { type GatewayReport, type ProbeReport, REPORT_VERSION } from "../../../src/report/shape.ts";
import { summaryOf } from "../../../src/report/text.ts";

/** A frame as a connection records it. */
export function seenFrame(atMs: number, event: string, payload: unknown, seq?: number): SeenFrame {
  return { atMs, event, payload, seq, json: JSON.stringify({ type: "event", event, payload, seq }) };
}

export const SESSIONS = ["A", "B"].map((name) => ({
  name,
  key: `agent:main:isolation-probe-${name.toLowerCase().repeat(8)}`,
  tokens: [`TOKEN${name}`],
  runIds: [`run-of-${name}`],
}));

/** The frames of a run of 20 deltas. */
export function runFrames(session: number, fromMs: number, event = "agent"): SeenFrame[] {
  const { key, runIds, name } = SESSIONS[session]!;
  const [runId] = runIds;
  const deltas = Array.from({ length: 20 }, (_, index) =>
    seenFrame(fromMs + index * 40, event, {
      runId,
      sessionKey: key,
      stream: "assistant",
      data: { text: `${name} says ${index}` },
    }),
  );
  const message = { role: "assistant", content: [{ type: "text", text: `${name} has said it all by now` }] };
  return [...deltas, seenFrame(fromMs + 900, "chat", { runId, sessionKey: key, state: "final", message })];
}

/** What a gateway looks like that leaks everything, or nothing. */
export function sampleGateway(leaks: boolean, more: Partial<GatewayReport> = {}): GatewayReport {
  const witness = (name: string, own: readonly number[], rest: Partial<Witness> = {}): Witness => ({
    name,
    asked: own.length > 0 ? `sends in session ${name}` : "asks for nothing",
    scopes: ["operator.read"],
    caps: [],
    frames: [0, 1]
      .filter((session) => leaks || own.includes(session) || (name === LEFT && session === 0))
      .flatMap((session) => runFrames(session, 200 + session * 300)),
    claims: own.map((session) => ({ session, fromMs: 0 })),
    sends: own,
    ...rest,
  });
  const observation = observe(SESSIONS, [
    witness("A", [0]),
    witness("B", [1]),
    witness(LEFT, [], {
      asked: "joins session A for round 1, then leaves",
      claims: [{ session: 0, fromMs: 0, untilMs: leaks ? 600 : 2_000 }],
    }),
    witness("bystander", []),
    witness("roster", [], {
      asked: "asks for the list of sessions",
      roster: true,
      frames: [seenFrame(300, "sessions.changed", { sessionKey: SESSIONS[0]!.key, reason: "message" })],
    }),
  ]);
  const runs = [1, 2].flatMap((round) => SESSIONS.map(({ name }) => ({ session: name, round, end: "final" }) as const));
  const conduct = { mode: "exchange", runs, joined: true, dropped: 0, interrupted: false } as const;
  return {
    label: leaks ? "OpenClaw without the module" : "OpenClaw with the module",
    release: "2026.9.6",
    mode: "exchange",
    durationMs: 4_200,
    ...judge(observation, conduct),
    ...observation,
    leftBehind: [],
    ...more,
  };
}

/** A whole report of these gateways. */
export function sampleReport(...gateways: readonly GatewayReport[]): ProbeReport {
  return {
    kind: "openclaw-event-isolation/report",
    version: REPORT_VERSION,
    made: "probe",
    startedAt: "2026-11-20T18:46:14.601Z",
    summary: summaryOf(gateways),
    gateways,
  };
}

/** What a hostile gateway would like a page to run, load or show. */
export const HOSTILE = `</title></style></svg><script>document.title = "pwned"; fetch("http://127.0.0.1:1/x")</script><img src="http://127.0.0.1:1/y" onerror="alert(1)">"'&\u202Egnp.exe\u0007`;

/** A gateway all of whose texts are hostile. */
export function hostileGateway(): GatewayReport {
  const gateway = sampleGateway(true);
  return {
    ...gateway,
    label: HOSTILE,
    release: HOSTILE,
    reasons: [HOSTILE],
    connections: gateway.connections.map((each) => ({ ...each, name: HOSTILE, asked: HOSTILE, scopes: [HOSTILE] })),
    sessions: gateway.sessions.map((each) => ({ ...each, name: HOSTILE, key: HOSTILE, runIds: [HOSTILE] })),
    deliveries: gateway.deliveries.map((each) => ({ ...each, event: HOSTILE })),
    timeline: gateway.timeline.map((each) => ({ ...each, event: HOSTILE })),
    checks: [{ name: HOSTILE, result: "fail", detail: HOSTILE }],
    status: { [HOSTILE]: HOSTILE, gateway: { events: { [HOSTILE]: { [HOSTILE]: 1 } } } },
    leftBehind: [HOSTILE],
  };
}
