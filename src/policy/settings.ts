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
  /** Within so many milliseconds a device that comes back has its claims again; 0 for never. */
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
  clientId: text("client.id of the connect request: any client can say it."),
  mode: text("client.mode of the connect request: any client can say it."),
  deviceId: text("Id of the paired device."),
  user: text("The authenticated user, on releases that keep it (2026.9 does)."),
  profile: text("Id of the authenticated user's profile (2026.9)."),
  role: text('Role of the connection; access rules and observers concern "operator" only.'),
  scope: text(
    "A scope that the connection has, e.g. operator.admin. A client with a shared token gets the scopes that it asks for, so match a deviceId or user besides.",
  ),
  displayName: text("client.displayName of the connect request: any client can say it."),
  userAgent: text("userAgent of the connect request, in full: any client can say it."),
} as const;

const accessSchema = {
  type: "array",
  default: [],
  maxItems: 1_000,
  description:
    "Which connection may use which sessions. The first rule whose match fits the connection decides for it; with any rule present, what none allows is denied. Without rules, any operator may use any session.",
  examples: [[{ match: { deviceId: "9c1d…" }, sessions: ["*"] }, { sessions: ["agent:main:{deviceId}:*"] }]],
  items: {
    type: "object",
    additionalProperties: false,
    properties: {
      match: {
        type: "object",
        additionalProperties: false,
        properties: matchProperties,
        description: "The connections; all given fields have to match. Without fields: all connections.",
      },
      sessions: {
        type: "array",
        default: [],
        maxItems: 200,
        description:
          'Canonical session keys that they may use. "*" stands for any characters; {deviceId}, {clientId}, {mode}, {user}, {profile} and {role} for the connection\'s own value. An empty list allows none.',
        items: { type: "string", minLength: 1, maxLength: MAX_PATTERN_LENGTH, pattern: PATTERN_SYNTAX },
      },
      methods: {
        type: "array",
        default: [],
        maxItems: 200,
        description:
          "Gateway methods that they may call although the rules cannot bind them to a session, e.g. cron.list.",
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
        'Who gets a session\'s events: "session", every connection that claims the session; "run", only the one that started the run or subscribed with sessions.messages.subscribe.',
      examples: ["run"],
    },
    observers: {
      type: "array",
      default: [],
      description:
        "Connections, such as dashboards, that see the events of all sessions that the access rules let them use. All given fields have to match. Client id, mode, display name and user agent are what the client says of itself; the device id is proven by its key. docs/clients.md has the entries of known clients.",
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
        "Names of plugins' events that hold nothing of a session, e.g. plugin.weather.changed: they go to all clients. Without this, an event of a plugin that names no session goes to nobody.",
      examples: [["plugin.weather.changed"]],
      items: { type: "string", minLength: 1, maxLength: 128 },
    },
    roster: {
      type: "string",
      enum: ["subscribers", "claimed"],
      default: "subscribers",
      description:
        'Who gets sessions.changed: "subscribers", connections that called sessions.subscribe, as upstream; "claimed", of those only the ones that claim the session of the row.',
      examples: ["claimed"],
    },
    resumeMs: {
      type: "integer",
      minimum: 0,
      maximum: 3_600_000,
      default: 60_000,
      description:
        "Milliseconds within which a client that lost its connection and comes back with the same device has the claims and runs of that connection again; 0 turns it off. Nothing is sent again, and a client without a device asks for its sessions anew.",
      examples: [0],
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
          description:
            "Sessions one connection may claim at a time. Beyond it the claim that was used least recently and not subscribed explicitly is forgotten; if all are, one more sessions.messages.subscribe is answered with an error.",
          examples: [500],
        },
        runsPerConnection: {
          type: "integer",
          minimum: 1,
          maximum: 1_000_000,
          default: 1_000,
          description:
            "Runs that one connection has started and that have not ended; of the oldest beyond it only what the connection claims reaches it.",
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
