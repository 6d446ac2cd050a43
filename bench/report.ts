/** What the parts of the benchmark hand in, and how it is printed. */
import { progressOf } from "../scripts/options.ts";
import { textTable } from "../src/report/columns.ts";
import type { Measurements } from "./interleave.ts";

export type PartId = "a" | "b" | "c" | "d" | "e" | "f" | "client";

export type Table = {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
};

/** A bound on a measured number. All of them are upper bounds. */
export type Target = {
  readonly what: string;
  readonly actual: number;
  readonly limit: number;
  readonly met: boolean;
};

export type Part = {
  readonly id: PartId;
  readonly title: string;
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  /** How it was measured. */
  readonly notes: readonly string[];
};

export type Options = {
  /** Fewer rounds: for CI, where only gross changes have to show. */
  readonly quick: boolean;
  /** Only what noise does not move much: for CI. */
  readonly compact: boolean;
};

export function atMost(what: string, actual: number, limit: number): Target {
  return { what, actual, limit, met: actual <= limit };
}

export function printPart(part: Part): void {
  console.log(`\n${part.id}) ${part.title}`);
  for (const table of part.tables) printTable(table);
  for (const note of part.notes) console.log(`  ${note}`);
  for (const target of part.targets) console.log(targetLine(target));
}

export function targetLine({ what, actual, limit, met }: Target): string {
  return `  ${met ? "met   " : "MISSED"} ${what}: ${ratio(actual)} (target: at most ${ratio(limit)})`;
}

/** A ratio as people read it: 0.0021 as 1/476, everything near or above 1 with decimals. */
export function ratio(value: number): string {
  if (Number.isNaN(value)) return "no number";
  return value > 0 && value < 0.2
    ? `1/${(1 / value).toFixed(1).replace(/\.0$/, "")}`
    : String(Number(value.toFixed(3)));
}

/** A ratio of medians with the quarter of the rounds that was below, and above, in brackets. */
export function withSpread(measured: Measurements, variant: string, size: number, to: string): string {
  const [low, high] = measured.spread(variant, size, to);
  return `${ratio(measured.ratio(variant, size, to))} (${ratio(low)} to ${ratio(high)})`;
}

export function micros(nanos: number): string {
  return (nanos / 1000).toFixed(nanos < 100_000 ? 2 : 0);
}

export const progress = progressOf("bench");

export function printTable({ title, columns, rows }: Table): void {
  console.log(`\n  ${title}\n${textTable([columns, ...rows], { align: "right", rule: true })}\n`);
}
