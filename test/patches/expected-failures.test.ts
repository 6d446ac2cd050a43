/** The list of known failures: a run that differs from it in either way is not a success. */
import { expect, test } from "vitest";
import { contract } from "../../patches/04-session-scoped-events/contract.ts";
import { compare, type Expectation, type Report } from "../../patches/lib/expected-failures.ts";

const EXPECTED: Expectation = {
  release: "2026.9.6",
  files: ["test/gateway/claims.test.ts"],
  failing: { "claims: b": "not promised" },
};

function report(statuses: Readonly<Record<string, string>>, path = "/x/test/gateway/claims.test.ts"): Report {
  const assertionResults = Object.entries(statuses).map(([fullName, status]) => {
    return { fullName, status, failureMessages: status === "failed" ? ["Error: no\n  at x"] : [] };
  });
  return { testResults: [{ name: path, assertionResults }] };
}

test("the run passes when exactly the listed case fails", () => {
  const outcome = compare(EXPECTED, report({ a: "passed", b: "failed", c: "skipped" }));
  expect(outcome).toEqual({ passed: 1, failed: 1, skipped: 1, differences: [] });
});

test.each([
  ["another fails", { a: "failed", b: "failed" }, "claims: a: failed, and is not on the list: Error: no"],
  ["the listed one passes", { a: "passed", b: "passed" }, "claims: b: on the list of failures, but passed"],
  ["the listed one is skipped", { a: "passed", b: "skipped" }, "claims: b: on the list of failures, but skipped"],
  ["the listed one was renamed", { a: "passed" }, "claims: b: on the list, but there is no such case"],
])("the run is refused when %s", (_, statuses, difference) => {
  expect(compare(EXPECTED, report(statuses)).differences).toEqual([difference]);
});

test("the run is refused when a file did not load or did not run", () => {
  expect(compare({ ...EXPECTED, failing: {} }, report({})).differences).toEqual(["claims: none of its cases ran"]);
  expect(compare({ ...EXPECTED, failing: {} }, { testResults: [] }).differences).toEqual([
    "test/gateway/claims.test.ts: did not run",
  ]);
});

test("the contract's list has seven cases, all in the files that are run", () => {
  const names = Object.keys(contract.failing);
  expect(names).toHaveLength(7);
  const files = contract.files.map((file) => file.replace(/^.*\/(.*)\.test\.ts$/, "$1"));
  for (const name of names) expect(files).toContain(name.split(":")[0]);
});
