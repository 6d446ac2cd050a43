/** The config of a gateway under test. */
import { join } from "node:path";
import type { Model } from "./model.ts";

export type Config = { readonly [key: string]: unknown };

type Basics = { readonly port: number; readonly token: string; readonly stateDir: string; readonly model: Model };

/** The scripted model, as a gateway's configuration names it. */
export const ECHO_MODEL = {
  id: "echo",
  name: "echo",
  reasoning: false,
  input: ["text"],
  cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  contextWindow: 100_000,
  maxTokens: 4096,
};

/** For a gateway whose Control UI is looked at. */
export const WITH_CONTROL_UI: Config = { gateway: { controlUi: { enabled: true } } };

/** A config that every release accepts: loopback, one token, the scripted model, no heartbeat. */
export function baseConfig({ port, token, stateDir, model }: Basics): Config {
  return {
    gateway: {
      mode: "local",
      port,
      bind: "loopback",
      auth: { mode: "token", token },
      // 2026.9 checks its files over and over, and is busy with that also while nobody looks at it.
      controlUi: { enabled: false },
    },
    logging: { file: join(stateDir, "gateway.log") },
    // Neither the registry nor more ports: a test depends on this machine only.
    update: { checkOnStart: false },
    browser: { enabled: false },
    agents: {
      defaults: {
        workspace: join(stateDir, "workspace"),
        model: { primary: "mock/echo" },
        skipBootstrap: true,
        maxConcurrent: 8,
        heartbeat: { every: "0" },
      },
    },
    models: {
      mode: "replace",
      providers: { mock: { baseUrl: model.baseUrl, apiKey: "k", api: "openai-completions", models: [ECHO_MODEL] } },
    },
  };
}

/** Merges two configs, deep. Where both have a value that is not an object, the second one wins. */
export function merge(base: Config, over: Config): Config {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isConfig(before) && isConfig(value) ? merge(before, value) : value;
  }
  return merged;
}

function isConfig(value: unknown): value is Config {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
