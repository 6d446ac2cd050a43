/** How fast something grows, and how sure that is. */

export interface Slope {
  /** Per unit of `x`. */
  readonly perUnit: number;
  /** Standard error of it; infinite for fewer than three points. */
  readonly error: number;
}

/** Least squares over points `[x, y]`. */
export function slopeOf(points: readonly (readonly [number, number])[]): Slope {
  const n = points.length;
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / n;
  const [meanX, meanY] = [mean(0), mean(1)];
  const sum = (term: (x: number, y: number) => number): number =>
    points.reduce((total, [x, y]) => total + term(x - meanX, y - meanY), 0);
  const spread = sum((x) => x * x);
  if (spread === 0) return { perUnit: 0, error: Infinity };
  const perUnit = sum((x, y) => x * y) / spread;
  const left = sum((x, y) => (y - perUnit * x) ** 2);
  return { perUnit, error: n < 3 ? Infinity : Math.sqrt(left / (n - 2) / spread) };
}

/** How much faster `one` grows than `other`. */
export function differenceOf(one: Slope, other: Slope): Slope {
  return { perUnit: one.perUnit - other.perUnit, error: Math.hypot(one.error, other.error) };
}
