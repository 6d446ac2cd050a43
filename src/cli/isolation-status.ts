/** The answer to the gateway method `isolation.status`, and how it is shown. */
import { oneLine } from "./failure.ts";

/** As the plugin answers; what a gateway leaves out is not shown. */
export interface IsolationStatus {
  /** Of openclaw-event-isolation in the gateway. */
  readonly version: string;
  readonly release: string;
  /** Whether the module was loaded before the gateway and has all that it needs. */
  readonly attached: boolean;
  readonly seams: readonly {
    readonly name: string;
    readonly functions: readonly string[];
    readonly files: readonly string[];
    readonly required: boolean;
    readonly state: "attached" | "missing";
  }[];
  readonly settings: unknown;
  /** Numbers of the running gateway; `events` by event and reason. */
  readonly gateway?: Readonly<Record<string, unknown>> & {
    readonly events?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
  readonly heartbeats?: Readonly<Record<string, unknown>>;
  readonly sessionKeys?: unknown;
}

/** The method's name. */
export const STATUS_METHOD = "isolation.status";

/** The status as text. What comes from the gateway is shown in one line each, without control characters. */
export function statusText(url: string, status: IsolationStatus): string {
  const { gateway = {}, seams = [], heartbeats = {}, sessionKeys } = status;
  const { events = {}, ...numbers } = gateway;
  const state = status.attached ? "attached" : "NOT ATTACHED: events go to everybody";
  const lines = [
    `OpenClaw ${show(status.release)} at ${url}: openclaw-event-isolation ${show(status.version)} ${state}`,
  ];
  const section = (title: string, rows: readonly (readonly string[])[]): void => {
    if (rows.length > 0) lines.push("", title, table(rows));
  };
  section("connections", rowsOf(numbers));
  section("heartbeats", rowsOf(heartbeats));
  section(
    "events",
    Object.entries(events)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([event, reasons]) =>
        Object.entries(reasons).map(([reason, count], index) => [index === 0 ? event : "", reason, String(count)]),
      ),
  );
  if (sessionKeys !== undefined) section("sessions", rowsOf(sessionKeys as Record<string, unknown>));
  section(
    "seams",
    seams.map(({ name, state: each, functions, required }) => [
      name,
      each === "missing" && required ? "MISSING" : each,
      functions.join(", "),
    ]),
  );
  return lines.join("\n");
}

/** Columns, two blanks apart, two from the left. */
export function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((cell) => oneLine(cell, 120)));
  const widths: number[] = [];
  for (const row of clean)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return clean
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd())
    .join("\n");
}

function rowsOf(values: Readonly<Record<string, unknown>>): string[][] {
  return Object.entries(values).map(([name, value]) => [name, show(value)]);
}

function show(value: unknown): string {
  return typeof value === "string" ? oneLine(value, 120) : (JSON.stringify(value) ?? "");
}
