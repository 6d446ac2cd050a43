/** Configurations that operators run, by name: what differs from the bed of most cases, and the agents to try. */
import type { Capabilities } from "./capabilities.ts";
import type { Config } from "./gateway-config.ts";

export interface Configuration {
  readonly config: Config;
  /** The agents that a case gives work to. */
  readonly agents: readonly string[];
  /** Of a `session.scope` that all agents share. */
  readonly global?: true;
  /** The releases that accept it; all, unless said. */
  readonly needs?: keyof Capabilities;
}

const OFTEN_ENOUGH = { every: "6h" };
const TWO = [{ id: "main", default: true }, { id: "ops" }];

export const CONFIGURATIONS = {
  /** The workspace is made by OpenClaw itself, with a HEARTBEAT.md of headings only. */
  ordinaryWorkspace: { config: { agents: { defaults: { skipBootstrap: false } } }, agents: ["main"] },
  /** As the documentation of the module recommends where nobody needs heartbeats. */
  heartbeatsOff: { config: { agents: { defaults: { heartbeat: { every: "0" } } } }, agents: ["main"] },
  /** Up to 2026.3 the second agent has no heartbeat. */
  twoAgents: { config: { agents: { list: TWO } }, agents: ["main", "ops"] },
  /** An agent without a heartbeat block next to one that has one: on no release does the first have heartbeats. */
  oneHeartbeatOfTwo: {
    config: { agents: { list: [{ ...TWO[0], heartbeat: OFTEN_ENOUGH }, TWO[1]!] } },
    agents: ["main", "ops"],
  },
  twoAgentsOneSession: {
    config: { agents: { list: TWO }, session: { scope: "global" } },
    agents: ["main", "ops"],
    global: true,
  },
  /** The heartbeats run, on another session than main. */
  heartbeatElsewhere: { config: { agents: { defaults: { heartbeat: { session: "watch" } } } }, agents: ["main"] },
  /** Each heartbeat has a session of its own. */
  isolatedHeartbeat: {
    config: { agents: { defaults: { heartbeat: { isolatedSession: true } } } },
    agents: ["main"],
    needs: "hasIsolatedHeartbeats",
  },
} as const satisfies Record<string, Configuration>;

export type ConfigurationName = keyof typeof CONFIGURATIONS;
