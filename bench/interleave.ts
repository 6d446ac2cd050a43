/**
 * Measures variants side by side.
 *
 * Each variant has a process of its own, because a gateway is either protected or not: in one
 * process the variants would share the type feedback of the gateway's broadcaster, and the call
 * sites that see one kind of client set in a gateway would see two or three. The processes take
 * turns in short rounds, so that what else runs on the machine hits all of them, and variants are
 * compared within a round only. What a process has by luck of its memory layout and of the
 * compiler's timing evens out over several generations of processes.
 */
import { median, quantile } from "simple-statistics";
import type { Order, Sample } from "./measured.ts";
import { measuredProcess } from "./processes.ts";

/**
 * How long each process works in turns before a round counts: while it waited for the others to start, the engine threw
 * away code that it had optimized.
 */
const SETTLE_MS = 1_000;
const SETTLE_ROUND_MS = 10;

export type Variant = {
  readonly name: string;
  /** The module that calls `serve`, relative to this folder, and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
};

export type Plan = {
  readonly variants: readonly Variant[];
  readonly sizes: readonly number[];
  readonly generations: number;
  readonly rounds: number;
  readonly warmUpMs: number;
  /** Frames that one event has to send: proves that a variant did its work, and no more. */
  readonly expected: (variant: string, size: number) => number;
} & (
  | { readonly roundMs: number }
  /** That many events in each round. */
  | { readonly events: number }
);

/** Nanoseconds per event, by variant and size; equal positions were measured in the same round. */
export class Measurements {
  readonly #samples = new Map<string, number[]>();

  add(variant: string, size: number, nanos: number): void {
    const id = `${variant}@${size}`;
    const samples = this.#samples.get(id);
    if (samples) samples.push(nanos);
    else this.#samples.set(id, [nanos]);
  }

  nanos(variant: string, size: number): number {
    return median(this.#of(variant, size));
  }

  /** Median over the rounds of: this variant at this size, divided by that one at that size. */
  ratio(variant: string, size: number, to: string, toSize = size): number {
    const other = this.#of(to, toSize);
    return median(this.#of(variant, size).map((nanos, round) => nanos / (other[round] ?? Number.NaN)));
  }

  /** A quarter of the rounds is below the first of these ratios, and a quarter above the second. */
  spread(variant: string, size: number, to: string): readonly [low: number, high: number] {
    const other = this.#of(to, size);
    const ratios = this.#of(variant, size).map((nanos, round) => nanos / (other[round] ?? Number.NaN));
    return [quantile(ratios, 0.25), quantile(ratios, 0.75)];
  }

  #of(variant: string, size: number): readonly number[] {
    return this.#samples.get(`${variant}@${size}`) ?? [];
  }
}

export async function interleave(plan: Plan): Promise<Measurements> {
  const measurements = new Measurements();
  for (let generation = 0; generation < plan.generations; generation += 1) {
    // What the order of starting still does evens out over two generations.
    const variants = generation % 2 === 0 ? plan.variants : plan.variants.toReversed();
    await oneGeneration({ ...plan, variants }, measurements);
  }
  return measurements;
}

async function oneGeneration(plan: Plan, measurements: Measurements): Promise<void> {
  const running: Running[] = [];
  const measure = "events" in plan ? { events: plan.events } : { millis: plan.roundMs };
  try {
    for (const variant of plan.variants) running.push(await start(variant));
    for (const size of plan.sizes) {
      for (const each of running) await each.run({ size, millis: plan.warmUpMs });
    }
    for (let worked = 0; worked < SETTLE_MS; worked += SETTLE_ROUND_MS * plan.sizes.length) {
      for (const size of plan.sizes) {
        for (const each of running) await each.run({ size, millis: SETTLE_ROUND_MS });
      }
    }
    for (let round = 0; round < plan.rounds; round += 1) {
      // A different one goes first each time, and all sizes of a round are close to each other.
      const turn = [...running.slice(round % running.length), ...running.slice(0, round % running.length)];
      for (const size of plan.sizes) {
        for (const { name, run } of turn) {
          const sample = await run({ size, ...measure });
          const frames = sample.frames / sample.events;
          if (frames !== plan.expected(name, size)) {
            throw new Error(
              `${name} sent ${frames} frames an event at ${size} connections instead of ${plan.expected(name, size)}`,
            );
          }
          measurements.add(name, size, sample.nanos / sample.events);
        }
      }
    }
  } finally {
    await Promise.all(running.map((each) => each[Symbol.asyncDispose]()));
  }
}

type Running = AsyncDisposable & { readonly name: string; run(order: Order): Promise<Sample> };

async function start({ name, script, args }: Variant): Promise<Running> {
  const child = await measuredProcess(new URL(script, import.meta.url), args);
  try {
    await child.next(); // ready
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
  return {
    name,
    run: async (order) => {
      const answer = child.next();
      child.send(order);
      return (await answer) as Sample;
    },
    [Symbol.asyncDispose]: child[Symbol.asyncDispose],
  };
}
