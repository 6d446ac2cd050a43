import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";

test("a case blocks its worker", { timeout: 1_000 }, async () => {
  await sleep(500);
  for (;;) expect(true).toBe(true);
});
