/** The demo's two leak matrices as one picture, readable on light and on dark pages. */
import { html, Markup } from "../src/report/html.ts";
import { matrixSvg } from "../src/report/matrix-svg.ts";
import type { GatewayReport } from "../src/report/shape.ts";
import { STYLE } from "../src/report/style.ts";

const MARGIN = 20;
const TITLE = 34;
/** As `matrixSvg` draws them: see its WIDTH, HEIGHT, LABEL and HEAD. */
const [COLUMN, ROW, LABEL, HEAD] = [128, 62, 132, 34];

/**
 * Draws the matrices of both gateways, one below the other, as an SVG document.
 *
 * @param gateways the control gateway and the one with the module
 */
export function demoPicture(gateways: readonly GatewayReport[]): string {
  const widths = gateways.map(({ connections }) => LABEL + connections.length * COLUMN);
  const heights = gateways.map(({ sessions }) => TITLE + HEAD + sessions.length * ROW + MARGIN);
  const width = Math.max(...widths) + 2 * MARGIN;
  const height = heights.reduce((sum, each) => sum + each, MARGIN);
  const tops = heights.map((_, index) => heights.slice(0, index).reduce((sum, each) => sum + each, MARGIN));
  return `${html`<svg
    xmlns="http://www.w3.org/2000/svg"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    height="${height}"
    role="img"
    aria-label="Frames of each session at each connection, without and with the module"
  >
    <style>
      ${new Markup(STYLE)} .page {
        fill: var(--card);
        stroke: var(--line);
      }
      .label {
        font-size: 17px;
        font-weight: 700;
      }
    </style>
    <rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="12" />
    ${gateways.map(
      (gateway, index) =>
        html`<g transform="translate(${MARGIN} ${tops[index]!})">
          <text class="label" x="0" y="18">${gateway.label}</text>
          <g transform="translate(0 ${TITLE})">${matrixSvg(gateway, `m${index}`)}</g>
        </g>`,
    )}
  </svg>`}\n`;
}
