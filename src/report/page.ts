/** A report as one HTML page: no scripts, nothing loaded from anywhere. */
import { html, Markup } from "./html.ts";
import { matrixSvg } from "./matrix-svg.ts";
import type { GatewayReport, ProbeReport, Verdict } from "./shape.ts";
import { STYLE } from "./style.ts";
import { checksTable, connectionsTable, deliveriesTable, statusView } from "./tables.ts";
import { timelineSvg } from "./timeline-svg.ts";

const BADGE: Readonly<Record<Verdict, readonly [kind: string, text: string]>> = {
  leak: ["leak", "✗ leak"],
  "no leak": ["clean", "✓ no leak"],
  inconclusive: ["unsure", "? inconclusive"],
};

/** Even if something slipped through the escaping, the browser would neither run nor load it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** @returns the page; all texts of the report are escaped */
export function reportPage(report: ProbeReport): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${new Markup(POLICY)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>Event isolation: ${report.gateways.map(({ verdict }) => verdict).join(", ")}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <h1>Event isolation</h1>
          <p>${report.summary}</p>
          <p class="soft">${report.made === "demo" ? "Demo" : "Probe"} of ${report.startedAt}</p>
          ${report.gateways.map((gateway, index) => section(gateway, `g${index}`))}
          <footer>
            <p>
              A frame leaks if it goes to a connection that had not asked for its session. One gateway is one trust
              domain: this is about who is sent what, not about who may ask for what.
            </p>
            <p>openclaw-event-isolation, report version ${report.version}</p>
          </footer>
        </main>
      </body>
    </html> `.text;
}

function section(gateway: GatewayReport, id: string): Markup {
  const { label, release, mode, durationMs, reasons, sessions, leftBehind } = gateway;
  const [kind, text] = BADGE[gateway.verdict];
  const how = mode === "exchange" ? "an exchange of messages" : "only listening";
  return html`<section class="card" aria-labelledby="${id}-h">
    <div class="title">
      <h2 id="${id}-h">${label}</h2>
      <span class="verdict ${kind}">${text}</span>
    </div>
    <p class="soft">OpenClaw ${release}, ${how}, ${(durationMs / 1000).toFixed(1)} s</p>
    ${list(reasons)}
    <h3>Who got whose frames</h3>
    ${
      sessions.length === 0
        ? html`<p>No frame of any session was seen.</p>`
        : html`<div class="scroll" tabindex="0" role="group" aria-label="Leak matrix">
              ${matrixSvg(gateway, `${id}-m`)}
            </div>
            <h3>When</h3>
            <div class="scroll" tabindex="0" role="group" aria-label="Timeline">${timelineSvg(gateway, `${id}-l`)}</div>
            ${legend(gateway)}`
    }
    <h3>Checks</h3>
    ${checksTable(gateway.checks)}
    <h3>Connections</h3>
    ${connectionsTable(gateway)}
    ${
      gateway.status === undefined
        ? ""
        : html`<h3>Counters of the module</h3>
            ${statusView(gateway.status)}`
    }
    ${
      leftBehind.length > 0
        ? html`<h3>Left behind</h3>
            ${list(leftBehind)}`
        : ""
    }
    ${sessions.length === 0 ? "" : details(gateway)}
  </section>`;
}

function list(texts: readonly string[]): Markup {
  return html`<ul>
    ${texts.map((text) => html`<li>${text}</li>`)}
  </ul>`;
}

function legend({ timelineDropped }: GatewayReport): Markup {
  return html`<ul class="legend">
    <li><span class="own"></span>above the line: frames it had asked for</li>
    <li><span class="foreign"></span>below the line: foreign frames</li>
    <li><span class="other"></span>rows of the list of sessions, or names only</li>
    ${timelineDropped > 0 ? html`<li>the last ${timelineDropped} frames are not drawn</li>` : ""}
  </ul>`;
}

function details(gateway: GatewayReport): Markup {
  const keys = gateway.sessions.filter(({ key }) => key !== "");
  return html`<details>
    <summary>Deliveries by event</summary>
    ${deliveriesTable(gateway)}
    ${keys.map(({ name, key, runIds }) => html`<p class="soft">Session ${name}: <code>${key}</code>, runs <code>${runIds.join(" ")}</code></p>`)}
  </details>`;
}
