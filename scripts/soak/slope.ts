/** How fast something grows, and how sure that is. */
import { linearRegression, mean, sum } from "simple-statistics";

export interface Slope {
  /** Per unit of `x`. */
  readonly perUnit: number;
  /** Standard error of it; infinite for fewer than three points. */
  readonly error: number;
}

/** Least squares over points `[x, y]`. */
export function slopeOf(points: readonly (readonly [number, number])[]): Slope {
  if (new Set(points.map(([x]) => x)).size < 2) return { perUnit: 0, error: Infinity };
  const plain = points.map(([x, y]) => [x, y]);
  const { m: perUnit, b: start } = linearRegression(plain);
  const centre = mean(points.map(([x]) => x));
  const spread = sum(points.map(([x]) => (x - centre) ** 2));
  const left = sum(points.map(([x, y]) => (y - start - perUnit * x) ** 2));
  return { perUnit, error: points.length > 2 ? Math.sqrt(left / (points.length - 2) / spread) : Infinity };
}

/** How much faster `one` grows than `other`. */
export function differenceOf(one: Slope, other: Slope): Slope {
  return { perUnit: one.perUnit - other.perUnit, error: Math.hypot(one.error, other.error) };
}
