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

export function checksTable(checks: readonly Check[]): Markup {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Result</th>
          <th scope="col">Check</th>
          <th scope="col">Seen</th>
        </tr>
      </thead>
      <tbody>
        ${checks.map(
          ({ name, result, detail }) =>
            html`<tr>
              <td class="${result}">${MARKS[result]}</td>
              <td>${name}</td>
              <td>${detail}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export function connectionsTable({ connections }: GatewayReport): Markup {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Connection</th>
          <th scope="col">Asked for</th>
          <th scope="col">Scopes and caps</th>
          <th scope="col" class="number">All frames</th>
          <th scope="col" class="number">Bytes</th>
          <th scope="col" class="number">Gaps</th>
          <th scope="col" class="number">Repeats</th>
        </tr>
      </thead>
      <tbody>
        ${connections.map(
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
        )}
      </tbody>
    </table>
  </div>`;
}

export function deliveriesTable({ deliveries, sessions, connections }: GatewayReport): Markup {
  const rows = deliveries.slice(0, MAX_ROWS);
  const more = deliveries.length - rows.length;
  return html`<div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Session</th>
            <th scope="col">At</th>
            <th scope="col">Event</th>
            <th scope="col">What it is</th>
            <th scope="col">Recognised by</th>
            <th scope="col" class="number">Frames</th>
            <th scope="col" class="number">Bytes</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
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
          )}
        </tbody>
      </table>
    </div>
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
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">Decisions</th>
        </tr>
      </thead>
      <tbody>
        ${events.slice(0, MAX_ROWS).map(
          ([event, reasons]) =>
            html`<tr>
              <td><code>${event}</code></td>
              <td>${reasons.map(([reason, n]) => `${reason}: ${n}`).join(", ")}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
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
