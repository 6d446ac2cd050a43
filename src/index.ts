/** The policy, for reuse and inspection: pure functions and data, no gateway needed. */
export { accessOf, type AccessRule, accessWarnings, type SessionAccess } from "./policy/access.ts";
export {
  type ConnectionFacts,
  type ConnectionMatch,
  isObserver,
  matchesConnection,
} from "./policy/connection-match.ts";
export { type ClaimIntent, claimIntent } from "./policy/claim-intent.ts";
export { type CountReason, Counters, type SystemEventReason } from "./policy/counters.ts";
export {
  type CanonicalRoute,
  type DeliveryReason,
  type DeliverySettings,
  mayReceive,
  type Recipients,
  recipients,
  type Verdict,
} from "./policy/delivery.ts";
export { HeldFrames } from "./policy/held-frames.ts";
export { type EventRoute, isSessionScopedName, routeEvent, type SessionRoute } from "./policy/session-event.ts";
export {
  type AgentSessionKey,
  canonicalSessionKey,
  MAX_SESSION_KEY_LENGTH,
  parseAgentSessionKey,
  type SessionKeyDefaults,
  usableSessionKey,
} from "./policy/session-key.ts";
export { type Schema, SettingsError } from "./policy/schema.ts";
export { parseSettings, type Settings, settingsSchema, STRICT_SETTINGS } from "./policy/settings.ts";
export { type ClaimAccess, type PendingClaim, type ClaimLimits, Claims } from "./policy/claims.ts";
export {
  isCronRunSessionKey,
  isExecCompletionEvent,
  resolveEventSessionKey,
  scopedHeartbeatWakeOptions,
  type SessionScope,
} from "./policy/cron-keys.ts";
export {
  canonicalizeWakeSessionKey,
  type WakeConfig,
  type WakeRequest,
  type WakeTarget,
} from "./policy/wake-target.ts";
export {
  concerns,
  describeStatus,
  type GatewayNumbers,
  type HeartbeatNumbers,
  ISOLATION_SYMBOL,
  type IsolationStatus,
  type SeamStatus,
  type SessionStatus,
  STATUS_METHOD,
  STATUS_SCHEMA,
} from "./status.ts";
