/** The module's promises for a release, and their outcomes on the control gateway and with the module. */

/** One check of a promise on one gateway: `true`, or what was seen instead. */
export type Outcome = true | string;

/** The outcomes of one gateway's checks, by the check's name. */
export type Outcomes = Readonly<Record<string, Outcome>>;

/** The measurement of a release, without or with the module. */
export interface Measured {
  /** The day, as `2026-11-28`. */
  readonly at: string;
  /** Hash of the measured module's code; missing for the control gateway. */
  readonly code?: string;
  /** The machine had more to do than it could: what was late may have been only that. */
  readonly busy?: true;
  readonly checks: Outcomes;
}

/** One release in docs/matrix.json. */
export interface ReleaseMeasured {
  /** What its manifest asks of Node. */
  readonly node?: string | undefined;
  readonly published?: Measured | undefined;
  readonly module?: Measured | undefined;
  /** Why it does not boot in the test bed. */
  readonly fails?: string | undefined;
}

/** docs/matrix.json: by release. */
export interface Matrix {
  readonly releases: Readonly<Record<string, ReleaseMeasured>>;
}

export interface Promised {
  /** Heading of the column. */
  readonly name: string;
  readonly meaning: string;
  readonly checks: readonly string[];
}

/** One row a promise, one column of docs/releases.md. */
export const PROMISES: readonly Promised[] = [
  {
    name: "isolation",
    meaning: "no client gets text or keys of a session that it did not ask for, including those of heartbeats",
    checks: ["isolation"],
  },
  {
    name: "sequence numbers",
    meaning: "no client sees a gap or a repeat in the numbers of its events",
    checks: ["sequence numbers"],
  },
  {
    name: "abort",
    meaning: "an aborted run ends for its user and at the model, and the session answers the next message",
    checks: ["abort"],
  },
  {
    name: "reconnect",
    meaning: "a client that reconnects during a run and asks for the session gets the rest of the run",
    checks: ["reconnect"],
  },
  {
    name: "follow-ups",
    meaning:
      "each of these messages is answered in full, once, under its own run: one during a heartbeat; one 0.1, 0.3, 0.9 and 2 s after a reply while a heartbeat is due; a second one in a row",
    checks: [
      "follow-up in a heartbeat",
      "follow-up at 0.1 s",
      "follow-up at 0.3 s",
      "second follow-up in a row",
      "follow-up at 0.9 s",
      "follow-up at 2 s",
    ],
  },
  {
    name: "heartbeat after",
    meaning: "after all of these messages, a heartbeat runs to its end",
    checks: ["heartbeat after"],
  },
  {
    name: "cron completions",
    meaning:
      "the end of a command that a cron run left behind reaches a heartbeat of the main session: by default, when a heartbeat has just run, and with session.scope global",
    checks: ["cron", "cron after a heartbeat", "cron, scope global"],
  },
  {
    name: "targeted wakes",
    meaning: "wake (now and next-heartbeat), system-event and /hooks/wake reach the session that they name",
    checks: ["wake now", "wake next-heartbeat", "system-event", "webhook"],
  },
  {
    name: "clean log",
    meaning: "the log has no lane timeout, no session takeover and no unhandled error",
    checks: ["log of conversations", "log of events", "log of scope global"],
  },
];

export type Verdict = "fixed" | "right" | "not improved" | "worse" | "not measured";

export interface Cell {
  readonly verdict: Verdict;
  /** Checks that are wrong with the module. */
  readonly wrong: readonly string[];
  readonly fixed: number;
}

/** The verdict of one check on the module. */
export function verdictOf(published: Outcome | undefined, module: Outcome | undefined): Verdict {
  if (published === undefined || module === undefined) return "not measured";
  if (module === true) return published === true ? "right" : "fixed";
  return published === true ? "worse" : "not improved";
}

/** One promise on one release: as bad as the worst of its checks. */
export function cellOf({ checks }: Promised, { published, module }: ReleaseMeasured): Cell {
  const each = checks.map((check) => [check, verdictOf(published?.checks[check], module?.checks[check])] as const);
  const having = (verdict: Verdict): readonly string[] =>
    each.flatMap(([check, found]) => (found === verdict ? [check] : []));
  const verdict = (["worse", "not measured", "not improved", "fixed"] as const).find((one) => having(one).length > 0);
  return {
    verdict: verdict ?? "right",
    wrong: [...having("worse"), ...having("not improved")],
    fixed: having("fixed").length,
  };
}

/** Checks on which a release with the module is worse than the control gateway. */
export function worseChecks({ published, module }: ReleaseMeasured): readonly string[] {
  return Object.keys(module?.checks ?? {}).filter(
    (check) => verdictOf(published?.checks[check], module?.checks[check]) === "worse",
  );
}

/**
 * Checks that were right with the module and no longer are, so that what it fixed stays fixed.
 *
 * @param before the module's earlier measurement of the release
 */
export function lostChecks(before: Measured | undefined, now: Measured | undefined): readonly string[] {
  if (!before || !now) return [];
  return Object.keys(now.checks).filter((check) => before.checks[check] === true && now.checks[check] !== true);
}

/** A cell in words: the verdict, and how many checks are wrong where the promise has several. */
export function cellText(promise: Promised, measured: ReleaseMeasured): string {
  if (!measured.published || !measured.module) return "-";
  const { verdict, wrong } = cellOf(promise, measured);
  if (wrong.length === 0 || promise.checks.length === 1) return verdict;
  return `${verdict} (${wrong.length} of ${promise.checks.length})`;
}

/** What was measured of a release, in sentences of one line: for `doctor`. */
export function summaryOf(release: string, measured: ReleaseMeasured | undefined): string[] {
  if (measured?.fails !== undefined)
    return [`OpenClaw ${release} could not be measured because it did not boot: ${measured.fails}`];
  if (!measured?.published || !measured.module) {
    return [`OpenClaw ${release} has not been measured with this version of the module`];
  }
  const cells = PROMISES.map((promise) => ({ ...promise, ...cellOf(promise, measured) }));
  const line = (verdict: Verdict, text: string): string[] => {
    const found = cells.filter((cell) => cell.verdict === verdict);
    const names = found.map(({ name, wrong, checks }) =>
      wrong.length > 0 && checks.length > 1 ? `${name} (${wrong.join(", ")})` : name,
    );
    return names.length > 0 ? [`${text}: ${names.join(", ")}`] : [];
  };
  return [
    ...line("fixed", `measured on ${measured.module.at}, the module fixes`),
    ...line("right", "right without the module and with it"),
    ...line("not improved", "wrong without the module, and not improved by it"),
    ...line("worse", "WORSE with the module than without it"),
    ...line("not measured", "not measured"),
  ];
}
