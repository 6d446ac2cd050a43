/** What the load found: rounds added up, and what is wrong with them. */
import { quantile } from "simple-statistics";
import type { Name, Round } from "./gateways.ts";
import { OPEN, type SlowOutcome } from "./slow-consumer.ts";
import { addCounts, type Counts, noCounts } from "./tally.ts";

export type Sum = {
  readonly counts: Counts;
  readonly answered: number;
  readonly missing: number;
  readonly overlapping: number;
  readonly seconds: number;
  readonly cpuMs: number;
  readonly rssPeak: number;
  readonly rss: number;
  /** Of the gateway's event loop, the worst round. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  readonly latency: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  /** Milliseconds at each percent from 0 to 100, for the plot. */
  readonly percentiles: readonly number[];
};

export type SlowRounds = {
  /** Latency at p50 and p99 with slow consumers over that without. */
  readonly p50: number;
  readonly p99: number;
  readonly missing: number;
  readonly outcome: SlowOutcome;
};

export type LoadResult = {
  readonly release: string;
  readonly connections: number;
  readonly sessions: number;
  readonly rounds: number;
  readonly chunks: number;
  readonly delayMs: number;
  readonly gateways: Readonly<Record<Name, Sum>>;
  readonly slow: Readonly<Record<Name, SlowRounds>>;
  readonly findings: readonly string[];
};

export function sumOf(rounds: readonly Round[]): Sum {
  const counts = noCounts();
  for (const round of rounds) addCounts(counts, round.counts);
  const latencies = rounds.flatMap((round) => round.latencies);
  // Without any answer there is no latency, which is a finding and no failure of the load.
  const latencyAt = (at: number): number => (latencies.length > 0 ? quantile(latencies, at) : Number.NaN);
  const total = (of: (round: Round) => number): number => rounds.reduce((sum, round) => sum + of(round), 0);
  const worst = (of: (round: Round) => number): number => Math.max(...rounds.map(of));
  return {
    counts,
    answered: total((round) => round.answered),
    missing: total((round) => round.missing),
    overlapping: Math.min(...rounds.map((round) => round.overlapping)),
    seconds: total((round) => round.seconds),
    cpuMs: total((round) => round.gateway.cpuMs),
    rssPeak: worst((round) => round.gateway.rssPeak),
    rss: rounds.at(-1)?.gateway.rss ?? Number.NaN,
    delay: {
      p50: worst((round) => round.gateway.delay.p50),
      p99: worst((round) => round.gateway.delay.p99),
      p999: worst((round) => round.gateway.delay.p999),
      max: worst((round) => round.gateway.delay.max),
    },
    latency: { p50: latencyAt(0.5), p99: latencyAt(0.99), p999: latencyAt(0.999), max: latencyAt(1) },
    percentiles: Array.from({ length: 101 }, (_, percent) => latencyAt(percent / 100)),
  };
}

/** @param calm the same round without slow consumers */
export function slowRounds(calm: Round, met: Round): SlowRounds {
  const [one, other] = [sumOf([met]).latency, sumOf([calm]).latency];
  return { p50: one.p50 / other.p50, p99: one.p99 / other.p99, missing: met.missing, outcome: met.slow! };
}

/** Problems of the gateway with the module; empty without problems. */
export function findingsOf({ gateways, slow, sessions, rounds }: Omit<LoadResult, "findings">): string[] {
  const { counts, answered, missing } = gateways.module;
  const { claimer, bystander, health } = slow.module.outcome;
  const findings: [boolean, string][] = [
    [counts.foreign > 0, `${counts.foreign} foreign frames`],
    [missing > 0, `${missing} chunks of own answers that no frame brought`],
    [counts.gaps + counts.repeats > 0, `${counts.gaps} gaps and ${counts.repeats} repeats in the numbers of frames`],
    [answered < sessions * rounds, `${sessions * rounds - answered} chats without an answer`],
    [slow.module.missing > 0, `${slow.module.missing} chunks missing while others read slowly`],
    [
      (claimer.closed === OPEN) !== (slow.unprotected.outcome.claimer.closed === OPEN),
      `a slow consumer with a claim: ${claimer.closed}, upstream: ${slow.unprotected.outcome.claimer.closed}`,
    ],
    [bystander.frames > 0, `${bystander.frames} foreign frames at a slow bystander`],
    [bystander.closed !== OPEN && health === 0, "a slow bystander was closed for frames that are not its own"],
  ];
  return findings.filter(([found]) => found).map(([, text]) => text);
}
