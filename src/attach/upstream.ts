/** What releases do themselves of this module's work, told by functions that they declare. */

export interface UpstreamPart {
  readonly name: string;
  /** Declared by the releases that do it. */
  readonly function: string;
  /** The first release that was seen to have it. */
  readonly since: string;
  /** What the release does, and what that leaves to the module. */
  readonly standDown: string;
}

export const UPSTREAM_PARTS: readonly UpstreamPart[] = [
  {
    name: "cron-events",
    function: "resolveEventSessionKey",
    since: "2026.5.28",
    standDown:
      "events of commands that a cron run left behind go to the main session by the release itself; the module remaps what the release leaves out",
  },
  {
    name: "session-events",
    function: "canReceiveSessionEvent",
    since: "2026.8",
    standDown:
      "clients with the cap session-scoped-events get only what they subscribed to by the release itself; the module scopes all others",
  },
  {
    name: "heartbeats",
    function: "preemptAndDrainEmbeddedHeartbeatRun",
    since: "2026.8",
    standDown: "the release aborts a heartbeat for a user's message itself; the module only defers heartbeats",
  },
];
