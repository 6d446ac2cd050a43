import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Two cores: two files at a time. Gateway cases mostly wait.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "policy",
          include: ["test/policy/**/*.test.ts", "test/host/**/*.test.ts", "test/patches/**/*.test.ts"],
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
