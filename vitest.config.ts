import { configDefaults, defineConfig } from "vitest/config";
import { SlowestFirst } from "./test/support/slowest-first.ts";

const FAULTS =
  "test/gateway/{access-differential,agent-deletion,churn,clock,events,faults,frames,fuzz,slow-consumer,web-push}.test.ts";

/** The delivery of events on the newest release, on gateways that these files share: `npm test` runs it there. */
const NEWEST = "test/gateway/{agent-ids,bystanders,runs,session-content,sessions}.test.ts";

/** Files that boot one gateway after another: `npm run test:releases -- --contract` runs them. */
const MANY_BOOTS =
  "test/gateway/{completion-properties,completions,configurations,cron-events,heartbeat-alerts,http-messages,lifecycle,plugin,settings,targeted-wakes}.test.ts";

/** Where `npm test` runs the rest: it boots in four seconds instead of twenty. */
const FAST_RELEASE = "2026.2.9";

/** All of the projects `gateway` and `cli` on this release, if it is set. */
const ONE_RELEASE = process.env["OPENCLAW_RELEASE"];

/** One file at a time, after all others: these measure time and memory, or have a gateway do all that it can. */
const ALONE = { maxWorkers: 1, sequence: { groupOrder: 2 } };

/** Cases on a release that boots in seconds mostly wait: with two files at a time two cores are idle half of the time. */
const MANY = { maxWorkers: 4, sequence: { groupOrder: 1 } };

/** Ends a run that stands still, and names the case. */
const STAND_STILL = "./test/support/stand-still/reporter.ts";

export default defineConfig({
  test: {
    // Two cores: two files at a time. Gateway cases mostly wait.
    maxWorkers: 2,
    sequence: { sequencer: SlowestFirst },
    reporters: [...configDefaults.reporters, STAND_STILL],
    projects: [
      {
        test: {
          name: "unit",
          // On a busy machine the property tests take several times as long.
          testTimeout: 60_000,
          include: [
            "test/*.test.ts",
            "test/{attach,bench,delivery,docs,heartbeats,isolation,patches,plugin,policy,report,wakes}/**/*.test.ts",
            "test/gateway/unit/*.test.ts",
          ],
        },
      },
      {
        test: {
          name: "cli",
          include: ["test/cli/**/*.test.ts"],
          env: { OPENCLAW_RELEASE: ONE_RELEASE ?? FAST_RELEASE },
          globalSetup: ["test/cli/setup.ts"],
          testTimeout: 200_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: "gateway",
          include: ["test/gateway/**/*.test.ts"],
          exclude: [FAULTS, ...(ONE_RELEASE === undefined ? [NEWEST, MANY_BOOTS] : []), "test/gateway/unit/**"],
          env: { OPENCLAW_RELEASE: ONE_RELEASE ?? FAST_RELEASE },
          ...(ONE_RELEASE === undefined ? MANY : {}),
          globalSetup: ["test/gateway/setup.ts"],
          testTimeout: 200_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/{asked-for,report}.test.ts"],
          globalSetup: ["test/browser/setup.ts"],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: "client",
          include: ["test/client/**/*.test.ts"],
        },
      },
      {
        // Minutes, and a machine that does nothing else: `npm run test:interfaces`, nightly.
        test: {
          name: "interfaces",
          include: ["test/browser/{control-ui,control-ui-access,control-ui-live,heartbeat-indicator,tui}.test.ts"],
          ...ALONE,
          globalSetup: ["test/browser/setup.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        // Clients that others wrote, one after the other: `npm run test:clients`, nightly.
        test: {
          name: "clients",
          include: ["test/clients/*.test.ts"],
          ...ALONE,
          globalSetup: ["test/clients/setup.ts"],
          testTimeout: 280_000,
          hookTimeout: 240_000,
        },
      },
      {
        // Programs from npm, each tried for real: `npm run test:launchers`, nightly.
        test: {
          name: "launchers",
          include: ["test/launchers/**/*.test.ts"],
          globalSetup: ["test/launchers/setup.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        // Minutes too: `npm run test:faults`.
        test: {
          name: "faults",
          include: [FAULTS],
          ...ALONE,
          globalSetup: ["test/gateway/setup.ts"],
          testTimeout: 200_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: "newest",
          // One of the real clients needs no more than the gateways that are there.
          include: [NEWEST, "test/clients/openclaw-node.test.ts"],
          globalSetup: ["test/gateway/setup.ts"],
          testTimeout: 200_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
