import { expect, test } from "vitest";
import { inRunnersCache } from "../../src/cli/node-options.ts";

// The paths are those that these programs used, each with this package's own names behind them.
test.each([
  ["npx", true, "/home/me/.npm/_npx/8b4c3f/node_modules"],
  ["pnpm dlx", true, "/home/me/.cache/pnpm/dlx/c2e942/mx10op1h-dv0/node_modules/.pnpm/x@1.0.0/node_modules"],
  ["pnpm dlx on Windows", true, "C:\\Users\\me\\AppData\\Local\\pnpm-cache\\dlx\\c2e942\\node_modules"],
  ["yarn dlx", true, "/tmp/xfs-786f93e8/dlx-18227/.yarn/cache/x-file-77821338ca-c700fe6b6d.zip/node_modules"],
  ["bunx", true, "/home/me/.bun/install/cache/.bunx-0/x@latest/node_modules"],
  ["bunx before 1.4", true, "/tmp/bunx-1000-x@latest/node_modules"],
  ["npm", false, "/usr/local/lib/node_modules"],
  ["pnpm", false, "/home/me/.local/share/pnpm/global/5/.pnpm/x@1.0.0/node_modules"],
  ["Bun", false, "/home/me/.bun/install/global/node_modules"],
  ["npm, in a folder called dlx", false, "/srv/dlx/node_modules"],
])("a copy that %s fetched is a passing one: %s", (_, passing, folder) => {
  expect(inRunnersCache(`${folder}/openclaw-event-isolation/dist/register.js`)).toBe(passing);
});
