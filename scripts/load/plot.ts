/** The result as a picture: latency by percentile, and bars of what was sent and used. */
import { ratio } from "../../bench/report.ts";
import { html, type Markup } from "../../src/report/html.ts";
import { sizeText } from "../../src/report/shape.ts";
import type { Name } from "./gateways.ts";
import type { LoadResult, Sum } from "./result.ts";

const NAMES: readonly Name[] = ["unprotected", "module"];
const COLOUR: Readonly<Record<Name, string>> = { unprotected: "#b3261e", module: "#17744e" };
const DASH: Readonly<Record<Name, string>> = { unprotected: "7 4", module: "none" };
const LABEL: Readonly<Record<Name, string>> = { unprotected: "unprotected", module: "with the module" };

const WIDTH = 960;
const HEIGHT = 470;
const PLOT = { left: 70, top: 96, width: 430, height: 300 };
const BARS = { left: 560, top: 96, width: 250, step: 50, height: 16 };

/** @returns a whole SVG file */
export function loadPlot(result: LoadResult): string {
  const { release, connections, sessions, rounds } = result;
  return html`<svg
    xmlns="http://www.w3.org/2000/svg"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    width="${WIDTH}"
    height="${HEIGHT}"
    font-family="system-ui, 'DejaVu Sans', 'Liberation Sans', sans-serif"
    font-size="13"
    fill="#1a2027"
  >
    <title>Load on OpenClaw ${release} without and with event isolation</title>
    <rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff" />
    <text x="20" y="30" font-size="18" font-weight="600">
      OpenClaw ${release}: ${connections} connections, ${sessions} sessions streaming, ${rounds} round(s) each
    </text>
    ${NAMES.map((name, at) => legend(name, 20 + at * 160))} ${latencyCurves(result)} ${bars(result)}
  </svg> `.text;
}

function legend(name: Name, x: number): Markup {
  return html`<line x1="${x}" x2="${x + 30}" y1="50" y2="50" ${stroke(name)} />
    <text x="${x + 38}" y="54">${LABEL[name]}</text>`;
}

function stroke(name: Name): Markup {
  return html`stroke="${COLOUR[name]}" stroke-width="2.5" stroke-dasharray="${DASH[name]}" fill="none"`;
}

function latencyCurves({ gateways }: LoadResult): Markup {
  const { left, top, width, height } = PLOT;
  const all = NAMES.flatMap((name) => gateways[name].percentiles).filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...all)));
  const high = Math.ceil(Math.log10(Math.max(...all)));
  const x = (percent: number): number => round(left + (percent / 100) * width);
  const y = (ms: number): number => {
    const share = (Math.log10(Math.max(ms, 10 ** low)) - low) / Math.max(1, high - low);
    return round(top + height - share * height);
  };
  const decades = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at));
  return html`<text x="${left}" y="${top - 14}" font-weight="600"
      >Latency, from the model's chunk to the client (ms, log scale)</text
    >
    ${decades.map(
      (ms) =>
        html`<line x1="${left}" x2="${left + width}" y1="${y(ms)}" y2="${y(ms)}" stroke="#d5dae0" />
          <text x="${left - 8}" y="${y(ms) + 4}" text-anchor="end"
            >${ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`}</text
          >`,
    )}
    ${[0, 25, 50, 75, 90, 100].map(
      (percent) =>
        html`<line x1="${x(percent)}" x2="${x(percent)}" y1="${top}" y2="${top + height}" stroke="#eceff2" />
          <text x="${x(percent)}" y="${top + height + 20}" text-anchor="middle">${percent} %</text>`,
    )}
    <text x="${left + width / 2}" y="${top + height + 44}" text-anchor="middle"
      >share of chunks that came at least as fast</text
    >
    ${NAMES.map((name) => {
      const points = gateways[name].percentiles.map((ms, percent) => `${x(percent)},${y(ms)}`).join(" ");
      return html`<polyline points="${points}" ${stroke(name)} />`;
    })}`;
}

type Bar = readonly [label: string, of: (sum: Sum) => number, shown: (value: number) => string];

const seconds = (value: number): string => `${value.toFixed(1)} s`;
const count = (value: number): string => value.toLocaleString("en");

const SHOWN: readonly Bar[] = [
  ["frames", ({ counts }) => counts.frames, count],
  ["bytes", ({ counts }) => counts.bytes, sizeText],
  ["foreign frames", ({ counts }) => counts.foreign, count],
  ["gateway CPU", ({ cpuMs }) => cpuMs / 1000, seconds],
  ["gateway memory, peak", ({ rssPeak }) => rssPeak, sizeText],
  ["event loop late, p99", ({ delay }) => delay.p99, (value) => `${value.toFixed(1)} ms`],
];

function bars({ gateways }: LoadResult): Markup {
  const { left, top, width, step, height } = BARS;
  return html`${SHOWN.map(([label, of, shown], row) => {
    const values = NAMES.map((name) => of(gateways[name]));
    const most = Math.max(...values, Number.MIN_VALUE);
    const y = top + row * (step + 4);
    const [without = 0, with_ = 0] = values;
    const note = without > 0 && with_ > 0 ? ` (${ratio(with_ / without)} of unprotected)` : "";
    return html`<text x="${left}" y="${y - 6}" font-weight="600">${label}${note}</text> ${NAMES.map((name, at) => {
        const value = values[at] ?? 0;
        const long = round(Math.max(1, (value / most) * width));
        const bar = y + at * (height + 1);
        return html`<rect x="${left}" y="${bar}" width="${long}" height="${height - 2}" fill="${COLOUR[name]}" />
          <text x="${left + long + 6}" y="${bar + height - 5}">${shown(value)}</text>`;
      })}`;
  })}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
