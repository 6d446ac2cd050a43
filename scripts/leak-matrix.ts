/** The leak matrix of the demo: whose tokens arrived where. */

/** What was observed on one gateway. Matrices are [sender][receiver]. */
export interface Leaks {
  readonly senders: readonly string[];
  readonly receivers: readonly string[];
  /** Tokens that each sender's reply consists of. */
  readonly chunks: number;
  /** Distinct tokens seen. */
  readonly tokens: readonly (readonly number[])[];
  /** Frames that carried any of them, or the key of their session. */
  readonly frames: readonly (readonly number[])[];
  /** Whether each sender's final text was what the model sent. */
  readonly complete: readonly boolean[];
}

/** The matrix as text: own tokens on the diagonal, everything else is a leak. */
export function matrixTable({ senders, receivers, chunks, tokens, frames, complete }: Leaks): string {
  const cell = (sender: number, receiver: number): string => {
    const seen = tokens[sender]![receiver]!;
    if (seen === 0) return "·";
    const mark = senders[sender] === receivers[receiver] ? "" : " LEAK";
    return `${seen}/${chunks} in ${frames[sender]![receiver]}${mark}`;
  };
  const rows = [
    ["tokens of \\ seen by", ...receivers, "reply"],
    ...senders.map((sender, index) => [
      sender,
      ...receivers.map((_, receiver) => cell(index, receiver)),
      complete[index] ? "complete" : "DAMAGED",
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        "  " +
        row
          .map((text, column) => text.padEnd(widths[column]!))
          .join("  ")
          .trimEnd(),
    )
    .join("\n");
}

/** Sums up both observations; `ok` only if the one leaked and the other is whole and clean. */
export function verdictOf(published: Leaks, isolated: Leaks): { ok: boolean; text: string } {
  const before = foreign(published);
  const after = foreign(isolated);
  const own = isolated.senders.map((sender, index) => isolated.tokens[index]![isolated.receivers.indexOf(sender)]!);
  const whole = isolated.complete.every(Boolean) && own.every((seen) => seen === isolated.chunks);
  const text =
    `as published ${before} foreign frames; with the module ${after} foreign frames, ` +
    (whole ? "every own token delivered" : "but not every own token delivered");
  return { ok: before > 0 && after === 0 && whole, text };
}

function foreign({ senders, receivers, frames }: Leaks): number {
  return senders
    .flatMap((sender, row) => receivers.map((receiver, column) => (sender === receiver ? 0 : frames[row]![column]!)))
    .reduce((sum, count) => sum + count, 0);
}
