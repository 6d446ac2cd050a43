import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Two cores: two files at a time. Gateway cases mostly wait.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "policy",
          include: ["test/{policy,host,plugin,report,patches,docs,bench}/**/*.test.ts"],
        },
      },
      {
        test: {
          name: "cli",
          include: ["test/cli/**/*.test.ts"],
          globalSetup: ["test/cli/setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
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
        test: {
          name: "gateway",
          include: ["test/gateway/**/*.test.ts"],
          globalSetup: ["test/gateway/setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
