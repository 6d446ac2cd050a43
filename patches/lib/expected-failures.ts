/** Compares a test run with the list of cases that are known to fail, in both directions. */
import { basename } from "node:path";

/** What is to be run, and which cases of it fail. */
export interface Expectation {
  readonly release: string;
  readonly files: readonly string[];
  /** Why a case fails, by its file's name and its own: `claims: sessions.get claims the session`. */
  readonly failing: Readonly<Record<string, string>>;
}

/** Of vitest's JSON report, what is looked at. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

export interface Comparison {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How the run differs from what is expected, one line each. */
  readonly differences: readonly string[];
}

/** Compares a run's report with what is expected of it. */
export function compare({ files, failing }: Expectation, { testResults }: Report): Comparison {
  const differences: string[] = [];
  const status = new Map<string, string>();
  for (const { name: path, assertionResults } of testResults) {
    const file = basename(path).replace(/\.test\.ts$/, "");
    if (assertionResults.length === 0) differences.push(`${file}: none of its cases ran`);
    for (const { fullName, status: result, failureMessages } of assertionResults) {
      const name = `${file}: ${fullName}`;
      status.set(name, result);
      if (result === "failed" && failing[name] === undefined) {
        const [why = "no message"] = failureMessages?.[0]?.split("\n") ?? [];
        differences.push(`${name}: failed, and is not on the list: ${why}`);
      }
    }
  }
  const ran = new Set(testResults.map(({ name }) => basename(name)));
  for (const file of files) if (!ran.has(basename(file))) differences.push(`${file}: did not run`);
  for (const name of Object.keys(failing)) {
    const result = status.get(name);
    if (result === undefined) differences.push(`${name}: on the list, but there is no such case`);
    else if (result !== "failed") differences.push(`${name}: on the list of failures, but ${result}`);
  }
  const count = (...wanted: string[]): number => [...status.values()].filter((each) => wanted.includes(each)).length;
  return {
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped", "pending", "todo"),
    differences,
  };
}
