import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";

test("a case takes long but has the time", { timeout: 30_000 }, async () => {
  expect(await sleep(4_000, "rested")).toBe("rested");
});
