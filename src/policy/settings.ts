/**
 * The settings: one schema for the gateway's `plugins.entries["event-isolation"].config`, the
 * settings file and the docs.
 */
import type { AccessRule } from "./access.ts";
import { type ConnectionMatch, MAX_MATCH_LENGTH } from "./connection-match.ts";
import type { DeliverySettings } from "./delivery.ts";
import type { HeartbeatSettings } from "./heartbeat.ts";
import type { HookSettings } from "./hook-target.ts";
import type { ClaimLimits } from "./claims.ts";
import { MAX_PATTERN_LENGTH, PATTERN_SYNTAX } from "./key-pattern.ts";
import { parseBySchema, type Schema } from "./schema.ts";

export interface Settings extends DeliverySettings {
  readonly observers: readonly ConnectionMatch[];
  readonly openEvents: readonly string[];
  readonly access: readonly AccessRule[];
  /** How long, in milliseconds, a returning device can get its claims back; 0 for never. */
  readonly resumeMs: number;
  readonly limits: ClaimLimits & { readonly heldFramesPerConnection: number };
  readonly heartbeat: HeartbeatSettings;
  readonly onMissingSeam: "exit" | "warn";
  readonly onMissingPreload: "exit" | "warn";
  readonly cron: { readonly remap: boolean };
  readonly hooks: HookSettings;
}

const text = (description: string) =>
  ({ type: "string", minLength: 1, maxLength: MAX_MATCH_LENGTH, description }) as const;

/** Fields of a {@link ConnectionMatch}. */
const matchProperties = {
  clientId: text("client.id of the connect request: self-reported, so any client can send it."),
  mode: text("client.mode of the connect request: self-reported."),
  deviceId: text("Id of the paired device."),
  user: text("The authenticated user, on releases that keep it (2026.9 does)."),
  profile: text("Id of the authenticated user's profile (2026.9)."),
  role: text('Role of the connection; access rules and observers apply to "operator" only.'),
  scope: text(
    "A scope that the connection has, e.g. operator.admin. A client with a shared token gets the scopes that it asks for, so also match deviceId or user.",
  ),
  displayName: text("client.displayName of the connect request: self-reported."),
  userAgent: text("userAgent of the connect request, in full: self-reported."),
} as const;

const accessSchema = {
  type: "array",
  default: [],
  maxItems: 1_000,
  description:
    "Which connection may use which sessions. The first rule that matches the connection decides. If there are rules, a connection may use only what its rule allows; without rules, any operator may use any session.",
  examples: [[{ match: { deviceId: "9c1d…" }, sessions: ["*"] }, { sessions: ["agent:main:{deviceId}:*"] }]],
  items: {
    type: "object",
    additionalProperties: false,
    properties: {
      match: {
        type: "object",
        additionalProperties: false,
        properties: matchProperties,
        description:
          "The connections that the rule is for: all given fields must match. Without fields, the rule matches all connections.",
      },
      sessions: {
        type: "array",
        default: [],
        maxItems: 200,
        description:
          'Canonical session keys that these connections may use. "*" stands for any characters; {deviceId}, {clientId}, {mode}, {user}, {profile} and {role} stand for the connection\'s own value. An empty list allows no session.',
        items: { type: "string", minLength: 1, maxLength: MAX_PATTERN_LENGTH, pattern: PATTERN_SYNTAX },
      },
      methods: {
        type: "array",
        default: [],
        maxItems: 200,
        description:
          "Gateway methods that these connections may call although the rules cannot bind them to a session, e.g. cron.list.",
        items: { type: "string", minLength: 1, maxLength: 128 },
      },
    },
  },
} as const;

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
        'The recipients of a session\'s events: "session" means every connection that claims the session; "run" means only connections that started the run or subscribed with sessions.messages.subscribe.',
      examples: ["run"],
    },
    observers: {
      type: "array",
      default: [],
      description:
        "Connections, such as dashboards, that see the events of all sessions that the access rules let them use. All given fields must match. Client id, mode, display name and user agent are self-reported; the device id is proven by its key. docs/clients.md has the entries of known clients.",
      examples: [[{ clientId: "cli", mode: "cli", displayName: "OpenClaw MCP" }]],
      items: {
        type: "object",
        additionalProperties: false,
        minProperties: 1,
        properties: matchProperties,
      },
    },
    openEvents: {
      type: "array",
      default: [],
      maxItems: 100,
      description:
        "Names of plugins' events that contain no session data, e.g. plugin.weather.changed: the module sends them to all clients. A plugin's event that is not listed here and names no session goes to nobody.",
      examples: [["plugin.weather.changed"]],
      items: { type: "string", minLength: 1, maxLength: 128 },
    },
    roster: {
      type: "string",
      enum: ["subscribers", "claimed"],
      default: "subscribers",
      description:
        'The recipients of sessions.changed: "subscribers" means all connections that called sessions.subscribe, as in OpenClaw; "claimed" means only those of them that claim the session of the row.',
      examples: ["claimed"],
    },
    resumeMs: {
      type: "integer",
      minimum: 0,
      maximum: 3_600_000,
      default: 60_000,
      description:
        "How long, in milliseconds, a client that lost its connection can come back with the same device and get that connection's claims and runs back; 0 turns this off. No frame is sent again, and a client without a device must ask for its sessions again.",
      examples: [0],
    },
    limits: {
      type: "object",
      additionalProperties: false,
      description: "Limits on what the module keeps for one connection.",
      properties: {
        claimsPerConnection: {
          type: "integer",
          minimum: 1,
          maximum: 1_000_000,
          default: 10_000,
          description:
            "How many sessions one connection may claim at a time. Beyond that, the module forgets the least recently used claim that is not an explicit subscription; if all claims are explicit subscriptions, it answers sessions.messages.subscribe with an error.",
          examples: [500],
        },
        runsPerConnection: {
          type: "integer",
          minimum: 1,
          maximum: 1_000_000,
          default: 1_000,
          description:
            "How many unfinished runs of one connection the module keeps track of. Beyond that, the connection gets the frames of its oldest runs only if it claims their session.",
          examples: [5_000],
        },
        heldFramesPerConnection: {
          type: "integer",
          minimum: 1,
          maximum: 100_000,
          default: 512,
          description:
            "How many frames the module holds for one connection until the gateway answers the request that claims their session. Beyond that, it drops the oldest.",
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
            "How long after a run the scheduled heartbeats of its agent wait, in milliseconds. The default is 10000, or 60000 from 2026.8 on, as long as the release itself waits.",
          examples: [30_000],
        },
        maxDeferMs: {
          type: "integer",
          minimum: 1_000,
          maximum: 86_400_000,
          default: 300_000,
          description:
            "The longest time that one heartbeat is deferred for users' runs, in milliseconds. From 2026.8 on, the module defers for at most 540000 ms, because releases up to 2026.9.4 end a heartbeat with an error after ten minutes.",
          examples: [120_000],
        },
        preempt: {
          type: "boolean",
          default: true,
          description:
            "Whether a user's message aborts a heartbeat that runs on its session; the heartbeat runs again later. If false, and on 2026.5.28 to 2026.7.35, the message waits for the heartbeat, at most 10 s. From 2026.8 on, the release itself aborts the heartbeat.",
          examples: [false],
        },
      },
    },
    onMissingSeam: {
      type: "string",
      enum: ["exit", "warn"],
      default: "exit",
      description:
        'The reaction to a release that the module cannot attach to: "exit" ends the gateway with code 78 before it listens; "warn" lets it run unprotected.',
      examples: ["warn"],
    },
    onMissingPreload: {
      type: "string",
      enum: ["exit", "warn"],
      default: "exit",
      description:
        'The plugin\'s reaction to a gateway that was started without the preload: "exit" ends the gateway with code 78 before clients can connect; "warn" lets it run unprotected.',
      examples: ["warn"],
    },
    cron: {
      type: "object",
      additionalProperties: false,
      description: "What happens to the events of cron runs.",
      properties: {
        remap: {
          type: "boolean",
          default: true,
          description:
            "Whether the module sends system events and wakes of a cron run to the agent's main session (or the global one) if the release leaves them in a queue that nobody drains.",
          examples: [false],
        },
      },
    },
    access: accessSchema,
    hooks: {
      type: "object",
      additionalProperties: false,
      description: "Which sessions a webhook may wake, if the gateway has no such settings of its own.",
      properties: {
        allowRequestSessionKey: {
          type: "boolean",
          default: false,
          description:
            "Whether a webhook's body may name the session to wake. The gateway's own hooks.allowRequestSessionKey takes precedence if it is set.",
          examples: [true],
        },
        allowedSessionKeyPrefixes: {
          type: "array",
          items: { type: "string", minLength: 1 },
          default: [],
          description:
            "Prefixes of the session keys that webhooks may wake; an empty list means any key. The gateway's own hooks.allowedSessionKeyPrefixes takes precedence if it is set.",
          examples: [["hook:", "agent:main:hook:"]],
        },
      },
    },
  },
} as const satisfies Schema;

/**
 * Checks settings and fills in defaults.
 *
 * @param value what the configuration holds; undefined means all defaults
 * @throws {SettingsError} naming the first setting that is unknown, ill-typed or out of range
 */
export function parseSettings(value: unknown): Settings {
  return parseBySchema(settingsSchema, value) as Settings;
}

/** The settings in force while none can be read: the defaults, no roster row beyond claims, and no claims. */
export const STRICT_SETTINGS: Settings = parseSettings({ roster: "claimed", access: [{}] });
