/** How a cost grows with a size: a straight line through all measured points, and the order of the growth. */
import { linearRegression, linearRegressionLine, rSquared } from "simple-statistics";

export type Point = readonly [size: number, cost: number];

export type Fit = {
  /** Cost of one more. */
  readonly slope: number;
  /** Cost of none. */
  readonly intercept: number;
  /** How much of the differences the line explains, at most 1. */
  readonly r2: number;
  /** Slope of the line through the logarithms: 0 is flat, 1 linear, 2 quadratic. */
  readonly exponent: number;
};

/** @throws {Error} if a growth cannot be told from so few points */
export function fitOf(points: readonly Point[]): Fit {
  if (points.length < 6) throw new Error(`${points.length} points are too few for a fit`);
  const plain = points.map(([size, cost]) => [size, cost]);
  const line = linearRegression(plain);
  const logarithms = points.map(([size, cost]) => [Math.log(size), Math.log(cost)]);
  return {
    slope: line.m,
    intercept: line.b,
    r2: rSquared(plain, linearRegressionLine(line)),
    exponent: linearRegression(logarithms).m,
  };
}
