/** The tables of the report: checks, connections, deliveries, counters. */
import { html, type Markup } from "./html.ts";
import { type Check, type GatewayReport, sizeText } from "./shape.ts";

/** The gateway chooses how many names of events there are. */
const MAX_ROWS = 300;
const MAX_STATUS = 20_000;

const MARKS: Readonly<Record<Check["result"], string>> = { pass: "✓ pass", fail: "✗ fail", unknown: "? open" };

const STANDINGS = {
  own: "asked for",
  foreign: "LEAK",
  roster: "row of the list it asked for",
  named: "for everybody, names the key only",
} as const;

/** A table; the columns whose head begins with `#` hold numbers. */
function table(heads: readonly string[], rows: readonly Markup[]): Markup {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${heads.map((head) =>
            head.startsWith("#")
              ? html`<th scope="col" class="number">${head.slice(1)}</th>`
              : html`<th scope="col">${head}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

export function checksTable(checks: readonly Check[]): Markup {
  return table(
    ["Result", "Check", "Seen"],
    checks.map(
      ({ name, result, detail }) =>
        html`<tr>
          <td class="${result}">${MARKS[result]}</td>
          <td>${name}</td>
          <td>${detail}</td>
        </tr>`,
    ),
  );
}

export function connectionsTable({ connections }: GatewayReport): Markup {
  return table(
    ["Connection", "Asked for", "Scopes and caps", "#All frames", "#Bytes", "#Gaps", "#Repeats"],
    connections.map(
      ({ name, asked, scopes, caps, frames, bytes, gaps, repeats }) =>
        html`<tr>
          <td>${name}</td>
          <td>${asked}</td>
          <td><code>${[...scopes, ...caps].join(" ")}</code></td>
          <td class="number">${frames}</td>
          <td class="number">${sizeText(bytes)}</td>
          <td class="number">${gaps}</td>
          <td class="number">${repeats}</td>
        </tr>`,
    ),
  );
}

export function deliveriesTable({ deliveries, sessions, connections }: GatewayReport): Markup {
  const rows = deliveries.slice(0, MAX_ROWS);
  const more = deliveries.length - rows.length;
  return html`${table(
    ["Session", "At", "Event", "What it is", "Recognised by", "#Frames", "#Bytes"],
    rows.map(
      ({ session, connection, event, standing, by, frames, bytes }) =>
        html`<tr class="${standing}">
          <td>${sessions[session]?.name ?? ""}</td>
          <td>${connections[connection]?.name ?? ""}</td>
          <td><code>${event}</code></td>
          <td>${STANDINGS[standing]}</td>
          <td>${by.join(", ")}</td>
          <td class="number">${frames}</td>
          <td class="number">${sizeText(bytes)}</td>
        </tr>`,
    ),
  )}
  ${more > 0 ? html`<p class="soft">and ${more} more, in the JSON</p>` : ""}`;
}

/** What the module counts, by event and reason; as it came if it has another form. */
export function statusView(status: unknown): Markup {
  const events = countersIn(status);
  const json = JSON.stringify(status, undefined, 2) ?? "";
  return html`${events ? countersTable(events) : ""}
    <details>
      <summary>All that isolation.status says</summary>
      <pre>${json.slice(0, MAX_STATUS)}</pre>
    </details>`;
}

type Counters = readonly (readonly [event: string, reasons: readonly (readonly [string, number])[]])[];

function countersTable(events: Counters): Markup {
  return table(
    ["Event", "Decisions"],
    events.slice(0, MAX_ROWS).map(
      ([event, reasons]) =>
        html`<tr>
          <td><code>${event}</code></td>
          <td>${reasons.map(([reason, n]) => `${reason}: ${n}`).join(", ")}</td>
        </tr>`,
    ),
  );
}

/** The `events` of the status, wherever in it they are: numbers by reason by event. */
function countersIn(value: unknown, depth = 3): Counters | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const events = (value as { events?: unknown }).events;
  if (typeof events === "object" && events !== null) {
    const rows = Object.entries(events).map(([event, reasons]) => [event, numbersIn(reasons)] as const);
    if (rows.length > 0 && rows.every(([, reasons]) => reasons.length > 0)) return rows;
  }
  if (depth === 0) return undefined;
  for (const part of Object.values(value)) {
    const found = countersIn(part, depth - 1);
    if (found) return found;
  }
  return undefined;
}

function numbersIn(value: unknown): [string, number][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number");
}
