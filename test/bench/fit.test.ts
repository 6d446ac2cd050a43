/** The fit by which part f of the benchmark measures the growth of a cost. */
import { expect, test } from "vitest";
import { fitOf, type Point } from "../../bench/fit.ts";

const SIZES = [1000, 2500, 4000, 5500, 7000, 8500, 10_000];
const points = (cost: (size: number) => number): Point[] => SIZES.map((size) => [size, cost(size)]);

test("the fit finds a straight line", () => {
  const fit = fitOf(points((size) => 2.5 * size));
  expect(fit.slope).toBeCloseTo(2.5);
  expect(fit.intercept).toBeCloseTo(0);
  expect(fit.r2).toBeCloseTo(1);
  expect(fit.exponent).toBeCloseTo(1);
});

test("the fit gives flat, jittering values an exponent near 0", () => {
  const fit = fitOf(points((size) => 4 + (size % 2000) / 5000));
  expect(Math.abs(fit.exponent)).toBeLessThan(0.1);
});

test("the fit does not take quadratic growth for linear", () => {
  expect(fitOf(points((size) => size * size)).exponent).toBeCloseTo(2);
  expect(fitOf(points((size) => 100 * size + size * size)).exponent).toBeGreaterThan(1.1);
});

test("the fit does not take a step in the middle for a line", () => {
  expect(fitOf(points((size) => (size < 5000 ? 10 : 100))).r2).toBeLessThan(0.9);
});

test("the fit refuses two points", () => {
  expect(() =>
    fitOf([
      [1, 1],
      [2, 2],
    ]),
  ).toThrow("2 points are too few for a fit");
});
