/** For test/stand-still.test.ts: runs that stand still, or seem to. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/support/stand-still/*.fixture.ts"],
    reporters: ["default", ["./test/support/stand-still/reporter.ts", { stillMs: 1_500, graceMs: 500 }]],
  },
});
