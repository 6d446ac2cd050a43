/** The result for the terminal. */
import { ratio, type Table } from "../../bench/report.ts";
import { sizeText } from "../../src/report/shape.ts";
import type { Round } from "./gateways.ts";
import { type LoadResult, type Sum, sumOf } from "./result.ts";

const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

type Row = readonly [label: string, of: (sum: Sum) => number, shown: (value: number) => string];

const ROWS: readonly Row[] = [
  ["frames", ({ counts }) => counts.frames, String],
  ["bytes", ({ counts }) => counts.bytes, sizeText],
  ["own frames", ({ counts }) => counts.own, String],
  ["foreign frames", ({ counts }) => counts.foreign, String],
  ["frames with another's key only", ({ counts }) => counts.keyOnly, String],
  ["own chunks missing", ({ missing }) => missing, String],
  ["gaps in frame numbers", ({ counts }) => counts.gaps, String],
  ["repeated frame numbers", ({ counts }) => counts.repeats, String],
  ["answers", ({ answered }) => answered, String],
  ["streaming at a time", ({ overlapping }) => overlapping, String],
  ["latency p50, ms", ({ latency }) => latency.p50, ms],
  ["latency p99, ms", ({ latency }) => latency.p99, ms],
  ["latency p99.9, ms", ({ latency }) => latency.p999, ms],
  ["event loop late p50, ms", ({ delay }) => delay.p50, ms],
  ["event loop late p99, ms", ({ delay }) => delay.p99, ms],
  ["event loop late p99.9, ms", ({ delay }) => delay.p999, ms],
  ["gateway CPU, s", ({ cpuMs }) => cpuMs / 1000, (value) => value.toFixed(1)],
  ["gateway memory, peak", ({ rssPeak }) => rssPeak, sizeText],
  ["gateway memory, after", ({ rss }) => rss, sizeText],
  ["duration, s", ({ seconds }) => seconds, (value) => value.toFixed(1)],
];

export function loadTables({ gateways, slow, ...run }: LoadResult): Table[] {
  const { unprotected, module } = gateways;
  return [
    {
      title: `OpenClaw ${run.release}, ${run.connections} connections, ${run.sessions} sessions, ${run.rounds} round(s) of ${run.chunks} chunks`,
      columns: ["", "unprotected", "module", "module/unprotected"],
      rows: ROWS.map(([label, of, shown]) => {
        const [without, with_] = [of(unprotected), of(module)];
        return [label, shown(without), shown(with_), without > 0 ? ratio(with_ / without) : ""];
      }),
    },
    {
      title: "two connections stop reading: the others, and the outcome of the two",
      columns: ["", "unprotected", "module"],
      rows: [
        ["others' latency p50, of that without", ratio(slow.unprotected.p50), ratio(slow.module.p50)],
        ["others' latency p99, of that without", ratio(slow.unprotected.p99), ratio(slow.module.p99)],
        ["others' chunks missing", slow.unprotected.missing, slow.module.missing],
        ["claims a streaming session", slow.unprotected.outcome.claimer.closed, slow.module.outcome.claimer.closed],
        ["claims nothing", slow.unprotected.outcome.bystander.closed, slow.module.outcome.bystander.closed],
        ["frames for everybody meanwhile", slow.unprotected.outcome.health, slow.module.outcome.health],
        [
          "frames of sessions at the latter",
          slow.unprotected.outcome.bystander.frames,
          slow.module.outcome.bystander.frames,
        ],
      ],
    },
  ];
}

/** A round in one line, while others go on. */
export function roundText(round: Round): string {
  const { counts, answered, overlapping, seconds, cpuMs, latency } = sumOf([round]);
  return `${answered} answers, ${overlapping} at a time, in ${seconds.toFixed(1)} s: ${counts.frames} frames, ${counts.foreign} foreign, p50 ${ms(latency.p50)} ms, p99 ${ms(latency.p99)} ms, ${(cpuMs / 1000).toFixed(1)} s of CPU`;
}
