import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { GatewayConfig } from "../../../src/gateway/types.ts";
import { SettingsReload } from "../../../src/gateway/settings-reload.ts";
import { parseSettings } from "../../../src/policy/settings.ts";

const configOf = (config: unknown): GatewayConfig => ({ plugins: { entries: { "event-isolation": { config } } } });

let current: GatewayConfig;
let log: string[];
let reload: SettingsReload;

beforeEach(() => {
  vi.useFakeTimers();
  current = configOf({});
  log = [];
  reload = new SettingsReload(
    {
      config: () => current,
      apply: ({ access, observers }) => void log.push(`${access.length} ${observers.length}`),
      failed: (reason) => void log.push(reason),
    },
    parseSettings({}),
  );
});

afterEach(() => {
  reload.stop();
  vi.useRealTimers();
});

test("a change of settings is applied within a second, or at once when asked", () => {
  reload.watch();
  current = configOf({ access: [{}] });
  vi.advanceTimersByTime(1_000);
  current = configOf({ observers: [{ mode: "ui" }] });
  reload.check();
  expect(log).toEqual(["1 0", "0 1"]);
});

test("unchanged settings, and those that need a restart, are not applied", () => {
  reload.watch();
  current = configOf({ access: [] });
  reload.check();
  current = configOf({ scope: "run" });
  reload.check();
  expect(log).toEqual([]);
});

test("wrong settings are logged once, and the next right ones are applied", () => {
  reload.watch();
  for (let times = 0; times < 3; times += 1) {
    current = configOf({ access: {} });
    vi.advanceTimersByTime(1_000);
  }
  current = configOf({ access: [{}] });
  vi.advanceTimersByTime(1_000);
  expect(log).toEqual([expect.stringContaining('"access" must be a list'), "1 0"]);
});

test("a configuration that cannot be read changes nothing and is logged once", () => {
  reload.watch();
  current = {
    get plugins(): never {
      throw new Error("unreadable");
    },
  };
  vi.advanceTimersByTime(5_000);
  reload.check();
  expect(log).toEqual(["unreadable"]);
});

test("settings are not looked at without a watch or after its end", () => {
  current = configOf({ access: [{}] });
  reload.check();
  reload.watch();
  reload.stop();
  vi.advanceTimersByTime(5_000);
  expect(log).toEqual([]);
});
