/** The frames of each connection over time: what it asked for above its line, what leaked below. */
import { html, type Markup, shortened } from "./html.ts";
import type { GatewayReport, Standing } from "./shape.ts";

const LABEL = 132;
const WIDTH = 900;
const LANE = 64;
const HALF = 26;
const TOP = 8;
const AXIS = 26;
const BINS = 180;

type Bin = Record<Standing, number>;

/** Draws it; `id` must be unique on the page. */
export function timelineSvg(gateway: GatewayReport, id: string): Markup {
  const { connections, timeline } = gateway;
  // From the first frame on: what comes before it is connecting and starting.
  const startMs = timeline[0]?.atMs ?? 0;
  const endMs = Math.max(100, (timeline.at(-1)?.atMs ?? 0) - startMs) * 1.02;
  const lanes = connections.map((_, connection) => binned(gateway, connection, startMs, endMs));
  const most = Math.max(1, ...lanes.flatMap((lane) => lane.map((bin) => Math.max(above(bin), bin.foreign))));
  const bottom = TOP + connections.length * LANE;
  const width = LABEL + WIDTH + 10;
  return html`<svg
    class="timeline"
    viewBox="0 0 ${width} ${bottom + AXIS}"
    width="${width}"
    height="${bottom + AXIS}"
    role="img"
    aria-labelledby="${id}-t"
    aria-describedby="${id}-d"
  >
    <title id="${id}-t">Frames of sessions by connection over time</title>
    <desc id="${id}-d">
      Over ${(endMs / 1000).toFixed(1)} seconds from the first frame on. Bars above a line are frames that the
      connection had asked for, bars below it are foreign ones. The table of deliveries holds the numbers.
    </desc>
    ${ticks(endMs).map(
      (at) =>
        html`<line class="grid" x1="${xOf(at, endMs)}" x2="${xOf(at, endMs)}" y1="${TOP}" y2="${bottom}" />
          <text class="axis" text-anchor="middle" x="${xOf(at, endMs)}" y="${bottom + 18}">${at / 1000} s</text>`,
    )}
    ${connections.map((connection, lane) => {
      const zero = TOP + lane * LANE + LANE / 2;
      return html`<text class="head" x="0" y="${zero + 5}">
          ${shortened(connection.name, 17)}<title>${connection.name}: ${connection.asked}</title>
        </text>
        <line class="lane" x1="${LABEL}" x2="${LABEL + WIDTH}" y1="${zero}" y2="${zero}" />
        ${lanes[lane]!.map((bin, index) => bars(bin, index, zero, most))}`;
    })}
  </svg>`;
}

function bars(bin: Bin, index: number, zero: number, most: number): Markup[] {
  const x = LABEL + (index * WIDTH) / BINS;
  const width = WIDTH / BINS - 0.8;
  const height = (frames: number): number => Math.max(3, HALF * Math.sqrt(frames / most));
  const drawn: Markup[] = [];
  if (above(bin) > 0) {
    const kind = bin.own > 0 ? "own" : "other";
    const h = height(above(bin));
    drawn.push(
      html`<rect class="bar ${kind}" x="${round(x)}" y="${round(zero - h)}" width="${width}" height="${round(h)}" />`,
    );
  }
  if (bin.foreign > 0) {
    const h = height(bin.foreign);
    drawn.push(html`<rect class="bar foreign" x="${round(x)}" y="${zero}" width="${width}" height="${round(h)}" />`);
  }
  return drawn;
}

function above({ own, roster, named }: Bin): number {
  return own + roster + named;
}

function binned({ timeline }: GatewayReport, connection: number, startMs: number, endMs: number): Bin[] {
  const bins = Array.from({ length: BINS }, (): Bin => ({ own: 0, foreign: 0, roster: 0, named: 0 }));
  for (const frame of timeline) {
    if (frame.connection !== connection) continue;
    const index = Math.floor(((frame.atMs - startMs) / endMs) * BINS);
    bins[Math.min(BINS - 1, index)]![frame.standing] += 1;
  }
  return bins;
}

/** About six of them, at round seconds. */
function ticks(endMs: number): number[] {
  const step = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000].find(
    (each) => endMs / each <= 8,
  );
  const each = step ?? 600_000;
  return Array.from({ length: Math.floor(endMs / each) + 1 }, (_, index) => index * each);
}

function xOf(atMs: number, endMs: number): number {
  return round(LABEL + (atMs / endMs) * WIDTH);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
