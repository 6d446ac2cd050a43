import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "policy",
          include: ["test/policy/**/*.test.ts", "test/host/**/*.test.ts"],
        },
      },
      {
        test: {
          name: "gateway",
          include: ["test/gateway/**/*.test.ts"],
          // Every file boots real gateways of its own: one at a time on two cores.
          fileParallelism: false,
          globalSetup: ["test/gateway/setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
