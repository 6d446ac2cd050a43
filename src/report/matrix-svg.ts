/** The leak matrix as a picture: sessions down, connections across. */
import { html, type Markup, shortened } from "./html.ts";
import { type Cell, cellOf, type GatewayReport, sizeText } from "./shape.ts";

const LABEL = 132;
const HEAD = 34;
const WIDTH = 128;
const HEIGHT = 62;
const GAP = 6;

/** Draws it; `id` must be unique on the page. */
export function matrixSvg(gateway: GatewayReport, id: string): Markup {
  const { sessions, connections } = gateway;
  const width = LABEL + connections.length * WIDTH;
  const height = HEAD + sessions.length * HEIGHT;
  return html`<svg
    class="matrix"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    height="${height}"
    role="img"
    aria-labelledby="${id}-t"
    aria-describedby="${id}-d"
  >
    <title id="${id}-t">Frames of each session at each connection</title>
    <desc id="${id}-d">${description(gateway)}</desc>
    ${connections.map(
      ({ name, asked }, column) =>
        html`<text class="head" text-anchor="middle" x="${LABEL + (column + 0.5) * WIDTH - GAP / 2}" y="20">
          ${shortened(name, 16)}<title>${name}: ${asked}</title>
        </text>`,
    )}
    ${sessions.map(({ name, key }, row) => [
      html`<text class="head" x="0" y="${HEAD + (row + 0.5) * HEIGHT + 2}">
        ${shortened(key === "" ? name : `session ${name}`, 17)}<title>${key || name}</title>
      </text>`,
      connections.map((_, column) =>
        cellSvg(cellOf(gateway, row, column), LABEL + column * WIDTH, HEAD + row * HEIGHT, [
          name,
          connections[column]!.name,
        ]),
      ),
    ])}
  </svg>`;
}

function cellSvg(cell: Cell, x: number, y: number, [session, connection]: readonly [string, string]): Markup {
  const { frames, bytes } = cell;
  const lines = cellLines(cell);
  const kind = frames.foreign > 0 ? "foreign" : frames.own > 0 ? "own" : lines.length > 0 ? "other" : "none";
  const all = Object.values(bytes).reduce((sum, each) => sum + each, 0);
  const middle = x + (WIDTH - GAP) / 2;
  const top = y + (HEIGHT - GAP) / 2 + (lines.length > 1 ? -4 : 5);
  return html`<g class="cell ${kind}">
    <title>${session} at ${connection}: ${lines.join(", ") || "nothing"}${all > 0 ? `, ${sizeText(all)}` : ""}</title>
    <rect x="${x}" y="${y}" width="${WIDTH - GAP}" height="${HEIGHT - GAP}" rx="6" />
    ${
      lines.length === 0
        ? html`<text class="first" text-anchor="middle" x="${middle}" y="${top}">none</text>`
        : lines.map(
            (line, index) =>
              html`<text
                class="${index === 0 ? "first" : "more"}"
                text-anchor="middle"
                x="${middle}"
                y="${top + index * 18}"
              >
                ${line}
              </text>`,
          )
    }
  </g>`;
}

/** What a cell says, two lines at most: a leak comes first. */
function cellLines({ frames, bytes }: Cell): string[] {
  if (frames.foreign > 0) {
    const own = frames.own > 0 ? `, ${frames.own} own` : "";
    return [`LEAK ${frames.foreign}`, `${sizeText(bytes.foreign)}${own}`];
  }
  if (frames.own > 0) return [`${frames.own} own`, sizeText(bytes.own)];
  if (frames.roster > 0) return [`${frames.roster} list rows`, sizeText(bytes.roster)];
  return frames.named > 0 ? [`named in ${frames.named}`, "no content"] : [];
}

function description(gateway: GatewayReport): string {
  return gateway.sessions
    .map(({ name }, row) => {
      const at = gateway.connections.map(
        (connection, column) => `${connection.name} ${cellLines(cellOf(gateway, row, column)).join(", ") || "nothing"}`,
      );
      return `${name}: ${at.join("; ")}.`;
    })
    .join(" ");
}
