/**
 * The settings: one schema for the gateway's `plugins.entries["event-isolation"].config`, the
 * settings file and the docs.
 */
import type { AccessRule } from "./access.ts";
import { accessSchema, matchProperties } from "./access-schema.ts";
import type { ConnectionMatch } from "./connection-match.ts";
import type { DeliverySettings } from "./delivery.ts";
import type { HeartbeatSettings } from "./heartbeat.ts";
import type { HookSettings } from "./hook-target.ts";
import type { SubscriptionLimits } from "./claims.ts";

export interface Settings extends DeliverySettings {
  readonly observers: readonly ConnectionMatch[];
  readonly access: readonly AccessRule[];
  readonly limits: SubscriptionLimits & { readonly heldFramesPerConnection: number };
  readonly heartbeat: HeartbeatSettings;
  readonly onMissingSeam: "exit" | "warn";
  readonly onMissingPreload: "exit" | "warn";
  readonly cron: { readonly remap: boolean };
  readonly hooks: HookSettings;
}

/** The part of JSON Schema that {@link parseSettings} understands. */
export type Schema = {
  readonly description?: string;
  /** For the docs. */
  readonly examples?: readonly unknown[];
} & (
  | {
      readonly type: "object";
      readonly properties: Readonly<Record<string, Schema>>;
      readonly additionalProperties: false;
      readonly minProperties?: number;
    }
  | {
      readonly type: "array";
      readonly items: Schema;
      readonly default: readonly unknown[];
      readonly maxItems?: number;
    }
  | {
      readonly type: "string";
      readonly enum?: readonly string[];
      readonly default?: string;
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly pattern?: string;
    }
  | { readonly type: "boolean"; readonly default: boolean }
  | { readonly type: "integer"; readonly minimum: number; readonly maximum: number; readonly default?: number }
);

/** JSON Schema of the settings, with defaults. */
export const settingsSchema = {
  type: "object",
  additionalProperties: false,
  properties: {
    scope: {
      type: "string",
      enum: ["session", "run"],
      default: "session",
      description:
        'Who gets a session\'s events: "session", every connection that claims the session; "run", only the one that started the run or subscribed with sessions.messages.subscribe.',
      examples: ["run"],
    },
    observers: {
      type: "array",
      default: [],
      description:
        "Connections, such as dashboards, that see the events of all sessions that the access rules let them use. All given fields have to match. Client id and mode are what the client says of itself; the device id is proven by its key.",
      examples: [[{ deviceId: "9c1d…" }]],
      items: {
        type: "object",
        additionalProperties: false,
        minProperties: 1,
        properties: matchProperties,
      },
    },
    roster: {
      type: "string",
      enum: ["subscribers", "claimed"],
      default: "subscribers",
      description:
        'Who gets sessions.changed: "subscribers", connections that called sessions.subscribe, as upstream; "claimed", of those only the ones that claim the session of the row.',
      examples: ["claimed"],
    },
    limits: {
      type: "object",
      additionalProperties: false,
      description: "Bounds on what is kept for one connection.",
      properties: {
        claimsPerConnection: {
          type: "integer",
          minimum: 1,
          maximum: 1_000_000,
          default: 10_000,
          description: "Sessions one connection may claim at a time; a request beyond it is answered with an error.",
          examples: [500],
        },
        runsPerConnection: {
          type: "integer",
          minimum: 1,
          maximum: 1_000_000,
          default: 1_000,
          description: 'Runs remembered as started by one connection (scope "run"); the oldest is forgotten.',
          examples: [5_000],
        },
        heldFramesPerConnection: {
          type: "integer",
          minimum: 1,
          maximum: 100_000,
          default: 512,
          description:
            "Frames kept for one connection until the gateway answers the request that claims their session; the oldest is dropped.",
          examples: [2_000],
        },
      },
    },
    heartbeat: {
      type: "object",
      additionalProperties: false,
      description: "How long heartbeats wait for users' runs, and whether a user's message aborts one.",
      properties: {
        quietMs: {
          type: "integer",
          minimum: 0,
          maximum: 600_000,
          description:
            "Milliseconds after a run in which scheduled heartbeats of its agent wait. By default 10000; from 2026.8 on 60000, as long as the release itself waits.",
          examples: [30_000],
        },
        maxDeferMs: {
          type: "integer",
          minimum: 1_000,
          maximum: 86_400_000,
          default: 300_000,
          description: "The longest that one heartbeat is put off for users' runs, in milliseconds.",
          examples: [120_000],
        },
        preempt: {
          type: "boolean",
          default: true,
          description:
            "Whether a user's message aborts a heartbeat that runs on its session, which is run again later. If not, the message waits for it, 10 s at most. From 2026.8 on the release aborts it itself.",
          examples: [false],
        },
      },
    },
    onMissingSeam: {
      type: "string",
      enum: ["exit", "warn"],
      default: "exit",
      description:
        'What to do on a release that the module cannot attach to: "exit" with code 78 before the gateway listens, or "warn" and run unprotected.',
      examples: ["warn"],
    },
    onMissingPreload: {
      type: "string",
      enum: ["exit", "warn"],
      default: "exit",
      description:
        'What the plugin does in a gateway that was started without the preload: "exit" with code 78 before clients can connect, or "warn" and run unprotected.',
      examples: ["warn"],
    },
    cron: {
      type: "object",
      additionalProperties: false,
      description: "What becomes of the events of cron runs.",
      properties: {
        remap: {
          type: "boolean",
          default: true,
          description:
            "Whether system events and wakes of a cron run go to the agent's main session (or global), where the release leaves them in a queue that nobody drains.",
          examples: [false],
        },
      },
    },
    access: accessSchema,
    hooks: {
      type: "object",
      additionalProperties: false,
      description: "Which sessions a webhook may wake, where the gateway has no such settings of its own.",
      properties: {
        allowRequestSessionKey: {
          type: "boolean",
          default: false,
          description:
            "Whether a webhook's body may name the session to wake. For releases whose own hooks.allowRequestSessionKey is missing or not set; where it is set, it counts.",
          examples: [true],
        },
        allowedSessionKeyPrefixes: {
          type: "array",
          items: { type: "string", minLength: 1 },
          default: [],
          description:
            "Beginnings of the session keys that webhooks may wake; none means any. Where the gateway's own hooks.allowedSessionKeyPrefixes is set, it counts instead.",
          examples: [["hook:", "agent:main:hook:"]],
        },
      },
    },
  },
} as const satisfies Schema;

/** A setting that is unknown or of the wrong type. The message names it. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/**
 * Checks settings and fills in defaults.
 *
 * @param value what the configuration holds; undefined means all defaults
 * @throws {SettingsError} naming the first setting that is unknown, ill-typed or out of range
 */
export function parseSettings(value: unknown): Settings {
  return parse(settingsSchema, value, "") as Settings;
}

/** The settings in force while none can be read: the defaults, no roster row beyond claims, and no claims. */
export const STRICT_SETTINGS: Settings = parseSettings({ roster: "claimed", access: [{}] });

function parse(schema: Schema, value: unknown, path: string): unknown {
  switch (schema.type) {
    case "object":
      return parseObject(schema, value === undefined ? {} : value, path);
    case "array":
      if (value === undefined) return schema.default;
      if (!Array.isArray(value)) throw wrong(path, "a list", value);
      if (value.length > (schema.maxItems ?? Infinity))
        throw wrong(path, `at most ${schema.maxItems} items long`, value);
      return value.map((item, index) => parse(schema.items, item, `${path}[${index}]`));
    case "string":
      if (value === undefined) return schema.default;
      if (schema.enum && !schema.enum.includes(value as string)) {
        throw wrong(path, `one of ${schema.enum.map((each) => `"${each}"`).join(", ")}`, value);
      }
      if (typeof value !== "string" || value.length < (schema.minLength ?? 0)) {
        throw wrong(path, "a non-empty string", value);
      }
      if (value.length > (schema.maxLength ?? Infinity)) {
        throw wrong(path, `at most ${schema.maxLength} characters long`, value);
      }
      if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
        throw wrong(path, `a text that matches ${schema.pattern}`, value);
      }
      return value;
    case "boolean":
      if (value === undefined) return schema.default;
      if (typeof value !== "boolean") throw wrong(path, "true or false", value);
      return value;
    case "integer": {
      if (value === undefined) return schema.default;
      const { minimum, maximum } = schema;
      if (!Number.isInteger(value) || (value as number) < minimum || (value as number) > maximum) {
        throw wrong(path, `a whole number from ${minimum} to ${maximum}`, value);
      }
      return value;
    }
  }
}

function parseObject(schema: Schema & { type: "object" }, value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(path || "the settings", "an object", value);
  }
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(schema.properties, name)) continue;
    const known = Object.keys(schema.properties).join(", ");
    throw new SettingsError(`unknown setting "${join(path, name)}" (known here: ${known})`);
  }
  const parsed: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const item = parse(property, (value as Record<string, unknown>)[name], join(path, name));
    if (item !== undefined) parsed[name] = item;
  }
  if (Object.keys(parsed).length < (schema.minProperties ?? 0)) {
    throw new SettingsError(`"${path}" needs at least one of ${Object.keys(schema.properties).join(", ")}`);
  }
  return parsed;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function wrong(path: string, expected: string, value: unknown): SettingsError {
  const shown = JSON.stringify(value)?.slice(0, 60) ?? String(value);
  return new SettingsError(`"${path}" has to be ${expected}, not ${shown}`);
}
