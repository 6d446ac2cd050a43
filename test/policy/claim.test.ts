import { expect, test } from "vitest";
import { Claim } from "../../src/policy/claim.ts";

const stateOf = ({ accepted, explicit, pending }: Claim) => ({ accepted, explicit, pending });

test("a claim counts once its request is accepted", () => {
  const claim = new Claim();
  claim.begin(1);
  expect(stateOf(claim)).toEqual({ accepted: false, explicit: false, pending: true });
  expect(claim.settle(1)).toBe(true);
  claim.accept(1, true);
  expect(stateOf(claim)).toEqual({ accepted: true, explicit: true, pending: false });
});

test("an answer settles its request once", () => {
  const claim = new Claim();
  claim.begin(1);
  claim.begin(2);
  expect([claim.settle(1), claim.settle(1)]).toEqual([true, false]);
  expect(claim.pending).toBe(true);
});

test("an end takes back all requests up to it, whichever answer came first", () => {
  const claim = new Claim();
  for (const request of [1, 2, 3]) claim.begin(request);
  claim.settle(3);
  claim.accept(3, false);
  claim.settle(1);
  claim.accept(1, true);
  claim.end(2);
  expect(stateOf(claim)).toEqual({ accepted: true, explicit: false, pending: false });
  expect(claim.settle(2)).toBe(false);
});
