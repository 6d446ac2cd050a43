/** Part a: what the module's decision about an event costs, and how that grows with connections. */
import type { DecisionVariant } from "./decision-child.ts";
import { interleave } from "./interleave.ts";
import { atMost, micros, type Options, type Part, ratio, withSpread } from "./report.ts";
import { SIZES } from "./scene.ts";

const MODULE: DecisionVariant = "module";
/** The least that the gateway does with an event that somebody gets: the machine's speed is in both. */
const MEASURE: DecisionVariant = "JSON.stringify";
/** 0.05 to 0.15 on all machines seen: what costs twice as much exceeds it. */
const TARGET = 0.25;

export async function benchDecision({ quick, compact }: Options): Promise<Part> {
  const sizes = compact ? [1, 1000] : SIZES;
  const measured = await interleave({
    variants: [MODULE, MEASURE].map((name) => ({ name, script: "decision-child.ts", args: [name] })),
    sizes,
    generations: compact ? 2 : quick ? 1 : 3,
    rounds: quick ? 30 : 100,
    roundMs: 5,
    warmUpMs: 200,
    expected: () => 1,
  });
  const rows = sizes.map((size) => [
    size,
    micros(measured.nanos(MODULE, size)),
    ratio(measured.ratio(MODULE, size, MODULE, 1)),
    withSpread(measured, MODULE, size, MEASURE),
  ]);
  return {
    id: "a",
    title: "Decision about one chat event (GatewayScope), 1 subscriber",
    tables: [
      {
        title: "by connections, each with a session of its own",
        columns: ["connections", "µs/event", "of 1 connection", "of the event's JSON.stringify"],
        rows,
      },
    ],
    targets: sizes
      .filter((size) => size <= 1000)
      .map((size) =>
        atMost(
          `decision at ${size.toLocaleString("en")} connections / JSON.stringify of the event`,
          measured.ratio(MODULE, size, MEASURE),
          TARGET,
        ),
      ),
    notes: ["Part b measures the whole path."],
  };
}
