/** Every event that a release can send: who gets it from the control gateway, and who with the module. */
import { mkdir, writeFile } from "node:fs/promises";
import { beforeAll, expect, inject, test } from "vitest";
import { textTable } from "../../src/report/columns.ts";
import { type OpenBed, openBed } from "../support/gateway/bed.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { COVERAGE } from "../support/scene/event-coverage.ts";
import { eventNames } from "../support/scene/event-names.ts";
import { type Played, playEveryEvent, SCENE_CONFIG } from "../support/scene/every-event.ts";
import { isolated } from "./isolated-by.ts";

const { release } = inject("isolated");
const names = eventNames(release);
/** The plugin of the scene chooses its names. */
const tableName = (event: string): string => (event.startsWith("plugin.scene-plugin.") ? "plugin.*" : event);

/** A boot, and a minute or two of acts; a hook for each gateway, as a run with one hook of both would seem to stand still. */
const PLAY_MS = 240_000;

let control: Played;
let module: Played;

async function played(open: () => Promise<OpenBed>): Promise<Played> {
  const bed = await open();
  try {
    return await playEveryEvent(bed, names);
  } finally {
    await bed.close();
  }
}

beforeAll(async () => {
  control = await played(() => openBed(release, { config: SCENE_CONFIG }));
}, PLAY_MS);

beforeAll(async () => {
  module = await played(async () => openBed(release, await isolated({ config: SCENE_CONFIG })));
}, PLAY_MS);

beforeAll(async () => {
  const report = COVERAGE.map((row) => {
    const [without, with_] = [control, module].map(({ rows }) =>
      rows.filter(({ event }) => tableName(event) === row.event),
    );
    const sum = (rows: typeof without, field: "claimers" | "leaks"): number =>
      (rows ?? []).reduce((total, each) => total + each[field], 0);
    return {
      ...row,
      claimers: { control: sum(without, "claimers"), module: sum(with_, "claimers") },
      bystanders: { control: sum(without, "leaks"), module: sum(with_, "leaks") },
    };
  });
  await mkdir("artifacts", { recursive: true });
  const file = `artifacts/events-${release.version}.json`;
  await writeFile(file, `${JSON.stringify({ release: release.version, report, control, module }, undefined, 2)}\n`);
  const lines = report
    .filter(({ claimers, bystanders }) => claimers.control + claimers.module + bystanders.control > 0)
    .map((row) => [row.event, row.rule, ...Object.values(row.claimers), ...Object.values(row.bystanders)].map(String));
  const head = ["event", "rule", "claimers", "with module", "bystanders, with canaries", "with module"];
  process.stderr.write(`${textTable([head, ...lines])}\n`);
});

test("the coverage table has a row for every event of the release", () => {
  const known = new Set(COVERAGE.map(({ event }) => event));
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

test("every act of the scene that the release has methods for succeeds", () => {
  expect(control.failed).toEqual([]);
  expect(module.failed).toEqual([]);
});

test("every event that the table calls driven reaches those who claim its session", () => {
  const here = new Set(names);
  for (const { rows, skipped } of [control, module]) {
    const came = new Set(rows.filter(({ claimers }) => claimers > 0).map(({ event }) => tableName(event)));
    const wanted = COVERAGE.filter((row) => "act" in row && here.has(row.event) && !skipped.includes(row.act));
    expect(wanted.map(({ event }) => event).filter((event) => !came.has(event))).toEqual([]);
  }
});

test("connections that claim no session of the scene get a canary or a key from the control gateway", () => {
  expect(control.rows.filter(({ leaks }) => leaks > 0).map(({ event }) => event)).toEqual(
    expect.arrayContaining(["agent", "chat", "cron"]),
  );
});

test("connections that claim no session of the scene get no canary and no key with the module", () => {
  expect(module.rows.filter(({ leaks }) => leaks > 0)).toEqual([]);
  expect(module.hello).toEqual([]);
});

test("connections that claim the sessions get what is theirs with the module as from the control gateway", () => {
  const rules = new Map(COVERAGE.map(({ event, rule }) => [event, rule]));
  const own = ({ rows }: Played): string[] =>
    rows.filter(({ withSecrets }) => withSecrets > 0).map(({ event }) => event);
  // No event names the session of a portal or a line of presence, and older jobs name a run that nobody can claim in advance.
  const ofSessions = capabilities(release).hasTaskEvents ? ["cron", "heartbeat", "task"] : ["heartbeat"];
  // A plugin's text only quotes the key, which brings it to nobody.
  const toNobody = "plugin.scene-plugin.telling";
  const claimed = own(control).filter((event) => event !== toNobody);
  const wanted = claimed.filter((event) => rules.get(tableName(event)) !== "status" || ofSessions.includes(event));
  expect(wanted.filter((event) => !own(module).includes(event))).toEqual([]);
});
