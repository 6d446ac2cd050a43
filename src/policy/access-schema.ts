/** The settings that say which connection: `observers`, and the access rules. */
import { MAX_PATTERN_LENGTH, PATTERN_SYNTAX } from "./key-pattern.ts";

const text = (description: string) => ({ type: "string", minLength: 1, maxLength: 256, description }) as const;

/** Fields of a {@link ConnectionMatch}. */
export const matchProperties = {
  clientId: text("client.id of the connect request."),
  mode: text("client.mode of the connect request."),
  deviceId: text("Id of the paired device."),
  user: text("The authenticated user, on releases that keep it (2026.9 does)."),
  profile: text("Id of the authenticated user's profile (2026.9)."),
  role: text('Role of the connection; access rules and observers concern "operator" only.'),
  scope: text("A scope that the connection has, e.g. operator.admin."),
} as const;

export const accessSchema = {
  type: "array",
  default: [],
  maxItems: 1_000,
  description:
    "Which connection may use which sessions. The first rule whose match fits the connection decides for it; with any rule present, what none allows is denied. Without rules, any operator may use any session.",
  examples: [[{ match: { scope: "operator.admin" }, sessions: ["*"] }, { sessions: ["agent:main:{deviceId}:*"] }]],
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
