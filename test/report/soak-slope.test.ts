import { expect, test } from "vitest";
import { differenceOf, slopeOf } from "../../scripts/soak/slope.ts";

const line = (slope: number, noise: (n: number) => number): [number, number][] =>
  Array.from({ length: 20 }, (_, n) => [n / 10, 100 + (slope * n) / 10 + noise(n)]);

test("a straight line has its slope and no error", () => {
  const { perUnit, error } = slopeOf(line(7, () => 0));
  expect(perUnit).toBeCloseTo(7);
  expect(error).toBeCloseTo(0);
});

test("a heap that only goes up and down has a slope within its error, and a growing one does not", () => {
  const noise = (n: number): number => (n % 3) - 1;
  const [level, growing] = [slopeOf(line(0, noise)), slopeOf(line(10, noise))];
  expect(Math.abs(level.perUnit)).toBeLessThan(3 * level.error);
  const { perUnit, error } = differenceOf(growing, level);
  expect(perUnit).toBeCloseTo(10);
  expect(perUnit).toBeGreaterThan(3 * error);
});

test.each([
  [[]],
  [[[1, 1]]],
  [
    [
      [1, 1],
      [2, 5],
    ],
  ],
] as [number, number][][][])("too few points %j give no slope", (points) => {
  expect(slopeOf(points).error).toBe(Infinity);
});
