/** The tables of docs/troubleshooting.md, from the catalogues of messages and what the page says about each. */
import { HEARTBEAT_SEAMS } from "../../src/attach/seams.ts";
import { MESSAGES as OF_COMMAND } from "../../src/cli/messages.ts";
import { MESSAGES as OF_GATEWAY } from "../../src/messages.ts";
import { markdownTable } from "../../src/report/columns.ts";
import { COMMAND_ROWS, COMMAND_SHARED } from "./troubleshooting/command.ts";
import { GATEWAY_ROWS, GATEWAY_SHARED, HEARTBEATS_LACK } from "./troubleshooting/gateway.ts";
import { type Row, SECTIONS } from "./troubleshooting/row.ts";

type Catalogue = Readonly<Record<string, string | ((...facts: never[]) => string)>>;
type Table = Readonly<Record<string, Row>>;

/** The table of a section. */
export function messagesTable(section: keyof typeof SECTIONS): string {
  const rows = [
    ...rowsOf(section, OF_COMMAND, COMMAND_ROWS, COMMAND_SHARED),
    ...rowsOf(section, OF_GATEWAY, GATEWAY_ROWS, GATEWAY_SHARED),
  ];
  return markdownTable([SECTIONS[section], ...rows]);
}

function rowsOf(
  section: string,
  catalogue: Catalogue,
  rows: Table,
  shared: Readonly<Record<string, string>>,
): string[][] {
  return Object.entries(rows)
    .filter(([, row]) => row.section === section)
    .map(([name, row]) => {
      const others = Object.keys(shared).filter((other) => shared[other] === name);
      const own = shown(catalogue[name]!, row.shown);
      const messages = [own, ...others.map((other) => shown(catalogue[other]!))].map((text) => `\`${text}\``);
      const cell = `${row.before ?? ""}${messages.join(", ")}${row.after ?? ""}`;
      return "cause" in row ? [cell, row.cause, row.fix] : [cell, row.fix];
    });
}

/** A message with `…` for each fact that is not given. */
function shown(message: Catalogue[string], facts?: readonly unknown[]): string {
  if (typeof message === "string") return message;
  return message(...((facts ?? Array.from({ length: message.length }, () => "…")) as never[]));
}

/** What heartbeats lack on a release without optional functions, by the end of the line in the log. */
export function heartbeatsLackTable(): string {
  const ends = new Set(HEARTBEAT_SEAMS.filter((seam) => seam.standsDown === undefined).map(({ without }) => without));
  const unexplained = [...ends].filter((end) => !(end in HEARTBEATS_LACK));
  const gone = Object.keys(HEARTBEATS_LACK).filter((end) => !ends.has(end));
  if (unexplained.length + gone.length > 0) {
    throw new Error(`HEARTBEATS_LACK does not match the seams: ${[...unexplained, ...gone].join("; ")}`);
  }
  return markdownTable([
    ["… `so`", "what heartbeats lack"],
    ...[...ends].map((end) => [`\`${end}\``, HEARTBEATS_LACK[end]!]),
  ]);
}
