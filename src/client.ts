/**
 * A chat client for OpenClaw gateways that cannot mix up runs, hang, or leak its token. Works with gateways with and
 * without the module of this package.
 */
export { connect, type Client } from "./client/client.ts";
export { type ChatRun, type SSEOptions } from "./client/chat-stream.ts";
export { ClientError, type ClientErrorKind } from "./client/errors.ts";
export type {
  ApprovalEvent,
  GapEvent,
  MessageEvent,
  SessionEvent,
  SubscribeOptions,
  Subscription,
} from "./client/subscription.ts";
export { type HistoryMessage } from "./client/transcript.ts";
export type {
  Attachment,
  ChatEvent,
  ChatFailure,
  ChatOptions,
  ConnectOptions,
  DeviceIdentity,
  Done,
  Dropped,
  Lifecycle,
  ReasoningDelta,
  TextDelta,
  ToolEnd,
  ToolStart,
  Usage,
} from "./client/types.ts";
