/** Tables of plain text. */

type Rows = readonly (readonly (string | number)[])[];

export interface Layout {
  /** Where text stands in the columns after the first; in the first it stands on the left. */
  readonly align?: "left" | "right";
  /** Draws a line of dashes below the first row. */
  readonly rule?: boolean;
}

/** A table for the terminal: columns two blanks apart, lines two blanks from the left. */
export function textTable(rows: Rows, layout: Layout = {}): string {
  return padded(rows, layout)
    .map((row) => `  ${row.join("  ")}`.trimEnd())
    .join("\n");
}

/** A table for a Markdown page, laid out as the formatter does; the first row is its head. */
export function markdownTable(rows: Rows): string {
  const escaped = rows.map((row) => row.map((cell) => String(cell).replaceAll("|", "\\|")));
  return padded(escaped, { rule: true })
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

/** Gives every cell the width of the widest one in its column. */
function padded(rows: Rows, { align = "left", rule = false }: Layout): string[][] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, String(cell).length);
  }
  const pad = (cell: string | number, at: number): string =>
    align === "left" || at === 0 ? String(cell).padEnd(widths[at]!) : String(cell).padStart(widths[at]!);
  const lines = rows.map((row) => row.map(pad));
  return rule
    ? lines.toSpliced(
        1,
        0,
        widths.map((width) => "-".repeat(width)),
      )
    : lines;
}
