/**
 * The recipients of a word in the middle of a run, and of other events that go just to the connections that claim their
 * one session: nearly all events. Looks nothing up twice and builds nothing. A property test compares its decisions with
 * those on all other events.
 */
import type { AccessGuard } from "./access-guard.ts";
import type { Audience } from "./broadcast.ts";
import type { Connections } from "./connections.ts";
import { PreviousWord } from "./previous-word.ts";
import type { RowAccess } from "./projections.ts";
import type { SessionKeys } from "../gateway/session-keys.ts";
import type { GatewayClient } from "../gateway/types.ts";
import { namesOthers } from "../policy/access-answers.ts";
import { Changes } from "../policy/changes.ts";
import type { Claimers, Claims } from "../policy/claims.ts";
import type { Counters } from "../policy/counters.ts";
import type { Fields } from "../policy/fields.ts";
import { plainKey } from "../policy/session-event.ts";
import type { Settings } from "../policy/settings.ts";

/** Which runs are heartbeats, whose words may be held back. */
export interface HeartbeatRuns {
  /** Counts each beginning of a heartbeat. */
  readonly changes: Changes;
  /** Whether the run that sends this event is not a heartbeat, and will not turn out to be one before the next begins. */
  isOther(payload: Fields): boolean;
}

/** Counts events, and knows the rules that may apply to them. */
interface Around {
  readonly connections: Connections;
  readonly counters: Counters;
  readonly access: AccessGuard;
  readonly rows: RowAccess;
}

const NONE: ReadonlySet<never> = new Set<never>();
const NO_HEARTBEATS: HeartbeatRuns = { changes: new Changes(), isOther: () => true };

export class Words {
  readonly #rules: Pick<Around, "access" | "rows">;
  readonly #connections: Connections;
  readonly #counters: Counters;
  readonly #claims: Claims<GatewayClient>;
  readonly #keys: SessionKeys;
  readonly #settings: Settings;
  readonly #heartbeats: HeartbeatRuns;
  readonly #previous = new PreviousWord();
  /** One for all events, as it is used before the next is sent. */
  readonly #audience: { -readonly [field in keyof NonNullable<Audience>]: NonNullable<Audience>[field] } = {
    route: { to: "nobody", reason: "no-key" },
    deliver: NONE,
    hold: NONE,
  };

  constructor(
    around: Around,
    claims: Claims<GatewayClient>,
    keys: SessionKeys,
    settings: Settings,
    heartbeats = NO_HEARTBEATS,
  ) {
    this.#rules = around;
    this.#connections = around.connections;
    this.#counters = around.counters;
    this.#claims = claims;
    this.#keys = keys;
    this.#settings = settings;
    this.#heartbeats = heartbeats;
  }

  /** @see EventGate.words */
  next(event: string, payload: unknown, opts: unknown): ReadonlySet<GatewayClient> | undefined {
    try {
      const previous = this.#previous;
      if (!previous.isNext(event, payload, opts, this.#changes())) return undefined;
      this.#delivered(event, previous.claimers!);
      return previous.recipients;
    } catch {
      // The long way fails on it as well, and counts the failure.
      return undefined;
    }
  }

  /**
   * Counts all that may change who gets a word. Each part only grows, so that the sum changes with any. Of heartbeats the
   * beginnings suffice: nothing is remembered while one is under way.
   */
  #changes(): number {
    return this.#claims.changes.n + this.#keys.forgotten + this.#heartbeats.changes.n;
  }

  /** @returns good until the next event; undefined for an event that needs the other way */
  audience(event: string, payload: unknown, opts: unknown): Audience {
    const { access, rows } = this.#rules;
    const claims = this.#claims;
    const changes = this.#changes();
    if (this.#settings.scope !== "session" || claims.observers.size > 0) return undefined;
    const key = plainKey(event, payload, opts, this.#keys.canonical);
    if (key === undefined || (rows.anyRules() && namesOthers(payload))) return undefined;
    const claimers = claims.on(key);
    if ((claimers && claimers.pending.size > 0) || claims.starts.concern(key)) return undefined;
    const runId = (payload as Fields)["runId"];
    if (typeof runId === "string" && runId !== "") {
      if (!claims.runs.isPlain(runId, key, event, payload as Fields, claimers)) return undefined;
      access.sawRun(runId, key);
      // Under rules, what a word contains counts as well.
      const mayRemember = !access.hasRules && !rows.anyRules() && this.#heartbeats.isOther(payload as Fields);
      if (claimers && mayRemember) this.#previous.keep(event, payload as Fields, opts, changes, claimers);
    }
    this.#audience.deliver = claimers ?? NONE;
    if (claimers) this.#delivered(event, claimers);
    else {
      this.#connections.publishedToClaimers(undefined);
      this.#counters.count(event, "no-claim");
    }
    return this.#audience;
  }

  #delivered(event: string, claimers: Claimers<GatewayClient>): void {
    this.#connections.publishedToClaimers(claimers);
    this.#counters.delivered(event);
  }
}
