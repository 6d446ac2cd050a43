/**
 * The naive gateway: facts in plain arrays, searched anew for every question. Written from the
 * invariants of the design, and knows nothing of the implementation but the {@link World} it joins.
 */
import {
  type Frame,
  type Intent,
  LIMITS,
  type Outcome,
  type RequestId,
  type Sizes,
  type World,
  type WorldSettings,
} from "./world.ts";

interface Connection {
  readonly slot: number;
  readonly observer: boolean;
  open: boolean;
  wantsRoster: boolean;
  /** Claims that the gateway accepted and that have not ended. */
  granted: { key: string; explicit: boolean; by: RequestId }[];
  /** Runs it started, oldest first. */
  runs: string[];
  held: Frame[];
  readonly got: number[];
}

interface Request {
  readonly connection: Connection;
  readonly intent: Intent;
  /** Keys still waiting for the answer; a session that was left or deleted meanwhile is not. */
  waiting: string[];
  open: boolean;
  /** False once the gateway it was made to has restarted. */
  current: boolean;
}

export class Oracle implements World {
  readonly #settings: WorldSettings;
  #connections: Connection[] = [];
  #requests = new Map<RequestId, Request>();
  /** Sessions deleted in this turn, and by which request. */
  #deleted: { key: string; by: RequestId }[] = [];

  constructor(settings: WorldSettings) {
    this.#settings = settings;
  }

  connect(slot: number, observer: boolean): void {
    this.#connections.push({
      slot,
      observer,
      open: true,
      wantsRoster: false,
      granted: [],
      runs: [],
      held: [],
      got: [],
    });
  }

  close(slot: number): void {
    const gone = this.#at(slot)!;
    gone.open = false;
    gone.granted = [];
    gone.held = [];
    for (const request of this.#requests.values()) {
      if (request.connection !== gone) continue;
      request.waiting = [];
      // A session is deleted even if who asked for it does not wait for the answer.
      if (request.intent.kind !== "end") request.open = false;
    }
  }

  begin(slot: number, id: RequestId, intent: Intent): boolean {
    const connection = this.#at(slot)!;
    const request: Request = { connection, intent, waiting: [], open: true, current: true };
    if (intent.kind === "claim") {
      const all = new Set([...this.claimsOf(slot), ...intent.keys]);
      if (all.size > LIMITS.claimsPerConnection) return false;
      request.waiting = [...intent.keys];
    }
    if (intent.kind === "unclaim") for (const key of intent.keys) this.#leave(connection, key);
    this.#requests.set(id, request);
    return true;
  }

  answer(id: RequestId, outcome: Outcome): void {
    const request = this.#requests.get(id);
    if (!request?.open) return;
    const { connection, intent, waiting } = request;
    request.open = false;
    request.waiting = [];
    if (outcome.result === "ok" && intent.kind === "roster") connection.wantsRoster = intent.wanted;
    if (outcome.result === "ok" && intent.kind === "end" && request.current) {
      this.#deleted.push(...intent.keys.map((key) => ({ key, by: id })));
    }
    if (outcome.result === "ok" && intent.kind === "claim") {
      for (const key of waiting) connection.granted.push({ key, explicit: intent.explicit, by: id });
      for (const key of outcome.extraKeys) {
        // What was left or deleted before the answer stays so, even if the answer names it.
        if (intent.keys.includes(key) && !waiting.includes(key)) continue;
        const known = this.claimsOf(connection.slot);
        if (known.includes(key) || known.length < LIMITS.claimsPerConnection)
          connection.granted.push({ key, explicit: intent.explicit, by: id });
      }
      const { runId } = outcome;
      if (runId !== undefined && !connection.runs.includes(runId)) {
        connection.runs = [...connection.runs, runId].slice(-LIMITS.runsPerConnection);
      }
    }
    const held = connection.held;
    connection.held = [];
    for (const frame of held) this.#arrive(connection, frame);
  }

  emit(frame: Frame): void {
    for (const connection of this.#open()) {
      if (frame.targets && !frame.targets.includes(connection.slot)) continue;
      this.#arrive(connection, frame);
    }
  }

  turn(): void {
    for (const { key, by } of this.#deleted) this.#delete(key, by);
    this.#deleted = [];
  }

  restart(): void {
    for (const { slot } of this.#open()) this.close(slot);
    for (const request of this.#requests.values()) request.current = false;
    this.#deleted = [];
  }

  sizes(): Sizes {
    const claims = this.#open().flatMap(({ slot }) => this.claimsOf(slot));
    return {
      connections: this.#open().length,
      claims: claims.length,
      sessions: new Set(claims).size,
      roster: this.#open().filter(({ wantsRoster }) => wantsRoster).length,
      observers: this.#open().filter(({ observer }) => observer).length,
      held: this.#open().reduce((sum, { held }) => sum + held.length, 0),
    };
  }

  delivered(slot: number): readonly number[] {
    return this.#connections.findLast((each) => each.slot === slot)?.got ?? [];
  }

  /** Sessions a connection holds a claim on or waits for. */
  claimsOf(slot: number): string[] {
    const connection = this.#at(slot);
    if (!connection) return [];
    const waiting = [...this.#requests.values()]
      .filter((each) => each.connection === connection)
      .flatMap((each) => each.waiting);
    return [...new Set([...connection.granted.map(({ key }) => key), ...waiting])];
  }

  /** Invariant 1, for the test to ask at any time: does the slot hold a live claim? */
  holdsClaim(slot: number, key: string): boolean {
    return this.#at(slot)?.granted.some((grant) => grant.key === key) ?? false;
  }

  isConnected(slot: number): boolean {
    return this.#at(slot) !== undefined;
  }

  isObserver(slot: number): boolean {
    return this.#at(slot)?.observer ?? false;
  }

  hasStarted(slot: number, runId: string): boolean {
    return this.#at(slot)?.runs.includes(runId) ?? false;
  }

  /** Deliver, hold or drop: the invariants in the order a reader would ask them. */
  #arrive(connection: Connection, frame: Frame): void {
    const { route } = frame;
    const { slot } = connection;
    if (route.to === "nobody") return;
    if (route.to === "all") return void connection.got.push(frame.id);
    const claimsOne = route.keys.some((key) => this.holdsClaim(slot, key));
    if (route.to === "roster") {
      const wide = this.#settings.roster === "subscribers" || route.keys.length === 0 || connection.observer;
      if (connection.wantsRoster && (wide || claimsOne)) connection.got.push(frame.id);
      return;
    }
    const asked = connection.granted.some(({ key, explicit }) => explicit && route.keys.includes(key));
    const started = route.runId !== undefined && connection.runs.includes(route.runId);
    const entitled = this.#settings.scope === "session" ? claimsOne : asked || (started && claimsOne);
    if (connection.observer || entitled) return void connection.got.push(frame.id);
    const waits = [...this.#requests.values()].some(
      (request) => request.connection === connection && request.waiting.some((key) => route.keys.includes(key)),
    );
    if (waits) connection.held = [...connection.held, frame].slice(-LIMITS.heldFramesPerConnection);
  }

  /** Ends what was granted or asked for before the deletion was; who asked after it means a new session. */
  #delete(key: string, by: RequestId): void {
    for (const connection of this.#open()) {
      connection.granted = connection.granted.filter((grant) => grant.key !== key || grant.by > by);
    }
    for (const [id, request] of this.#requests) {
      if (id < by) request.waiting = request.waiting.filter((each) => each !== key);
    }
  }

  #leave(connection: Connection, key: string): void {
    connection.granted = connection.granted.filter((grant) => grant.key !== key);
    for (const request of this.#requests.values()) {
      if (request.connection === connection) request.waiting = request.waiting.filter((each) => each !== key);
    }
  }

  #open(): Connection[] {
    return this.#connections.filter(({ open }) => open);
  }

  #at(slot: number): Connection | undefined {
    return this.#open().find((connection) => connection.slot === slot);
  }
}
