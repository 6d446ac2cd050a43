/** What the naive gateway knows of its connections and their requests. */
import type { RunFact } from "./run-facts.ts";
import type { Frame, Intent, RequestId } from "./world.ts";

export interface Connection {
  readonly slot: number;
  readonly observer: boolean;
  open: boolean;
  wantsRoster: boolean;
  /** Claims that the gateway accepted and that have not ended. */
  granted: { key: string; explicit: boolean; by: RequestId }[];
  readonly device: string | undefined;
  /** When it last asked for a session: higher is later. */
  readonly used: Map<string, number>;
  left?: Left;
  /** It has had what another connection left. */
  cameBack?: boolean;
  held: Frame[];
  readonly got: number[];
}

export function newConnection(slot: number, observer: boolean, device: string | undefined): Connection {
  const nothing = { open: true, wantsRoster: false, granted: [], used: new Map<string, number>(), held: [], got: [] };
  return { slot, observer, device, ...nothing };
}

/** What a connection with a device left behind. */
export interface Left {
  readonly device: string;
  readonly until: number;
  claims: { readonly key: string; readonly explicit: boolean; readonly by: RequestId }[];
  readonly runs: RunFact<Connection>[];
  takenBy?: Connection;
}

export interface Request {
  readonly connection: Connection;
  readonly intent: Intent;
  /** Keys still waiting for the answer; a session that was left or deleted meanwhile is not. */
  waiting: string[];
  /** The gateway has not answered it. */
  open: boolean;
  /** False once the gateway it was made to has restarted. */
  current: boolean;
}
