/** Heaps over time, as SVG. */

export interface Curve {
  readonly name: string;
  readonly colour: string;
  /** Minutes and megabytes. */
  readonly points: readonly (readonly [number, number])[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [720, 320, 60, 40] as const;

export function heapPlot(title: string, curves: readonly Curve[]): string {
  const all = curves.flatMap(({ points }) => points);
  const most = (at: 0 | 1): number => Math.max(1, ...all.map((point) => point[at]));
  const [minutes, megabytes] = [most(0), most(1) * 1.1];
  const x = (value: number): string => (LEFT + (value / minutes) * (WIDTH - LEFT - 20)).toFixed(1);
  const y = (value: number): string => (HEIGHT - BOTTOM - (value / megabytes) * (HEIGHT - BOTTOM - 40)).toFixed(1);
  const label = (at: string, words: string): string => `<text ${at}>${words}</text>`;
  const lines = curves.map(
    ({ colour, points }) =>
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(([a, b]) => `${x(a)},${y(b)}`).join(" ")}"/>`,
  );
  const names = curves.map(({ name, colour }, index) =>
    label(`x="${LEFT + 20 + index * 220}" y="${HEIGHT - 8}" fill="${colour}"`, name),
  );
  const ticks = [0, 0.5, 1].flatMap((part) => [
    label(
      `x="${LEFT - 8}" y="${y((megabytes / 1.1) * part)}" text-anchor="end"`,
      `${((megabytes / 1.1) * part).toFixed(0)} MB`,
    ),
    label(
      `x="${x(minutes * part)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle"`,
      `${(minutes * part).toFixed(1)} min`,
    ),
  ]);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#444">
<rect width="100%" height="100%" fill="white"/>
<path d="M${LEFT} 40V${HEIGHT - BOTTOM}H${WIDTH - 20}" fill="none" stroke="#888"/>
${[label(`x="${LEFT}" y="24" font-size="14"`, title), ...ticks, ...lines, ...names].join("\n")}
</svg>
`;
}
