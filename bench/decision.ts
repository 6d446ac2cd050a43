/** Part a: what the module's decision about an event costs, and how that grows with connections. */
import { interleave } from "./interleave.ts";
import { micros, type Options, type Part, ratio } from "./report.ts";
import { SIZES } from "./scene.ts";

const MODULE = "module";

export async function benchDecision({ quick }: Options): Promise<Part> {
  const measured = await interleave({
    variants: [{ name: MODULE, script: "decision-child.ts", args: [] }],
    sizes: SIZES,
    generations: quick ? 1 : 3,
    rounds: quick ? 30 : 100,
    roundMs: 5,
    warmUpMs: 200,
    expected: () => 1,
  });
  const rows = SIZES.map((size) => [
    size,
    micros(measured.nanos(MODULE, size)),
    ratio(measured.ratio(MODULE, size, MODULE, 1)),
  ]);
  return {
    id: "a",
    title: "Decision about one chat event (GatewayScope.audience), 1 subscriber",
    tables: [
      {
        title: "by connections, each with a session of its own",
        columns: ["connections", "µs/event", "of 1 connection"],
        rows,
      },
    ],
    targets: [],
    notes: ["No target of its own; part b holds the whole path to bounds."],
  };
}
