import { setTimeout as sleep } from "node:timers/promises";
import { test } from "vitest";

test("a case takes long but has the time", { timeout: 30_000 }, () => sleep(4_000));
