/** The table of all events for docs/events.md, from what the contract suite holds every release to. */
import { markdownTable } from "../../src/report/columns.ts";
import { COVERAGE, RULES } from "../../test/support/scene/event-coverage.ts";

/** One row an event: who gets it, and what shows that. */
export function eventsTable(): string {
  const rows = COVERAGE.map((row) => [
    `\`${row.event}\``,
    RULES[row.rule],
    "act" in row ? row.act : `not driven: it ${row.why}`,
  ]);
  return markdownTable([["event", "goes to", "shown by"], ...rows]);
}
