/**
 * The naive gateway: facts in plain arrays, searched anew for every question. Written from the
 * invariants of the design, and knows nothing of the implementation but the {@link World} it joins.
 */
import { WAIT_ACCEPTED_MS } from "../../../src/delivery/claim-requests.ts";
import type { Connection, Left, Request } from "./facts.ts";
import { type RunFact, RunFacts, shares } from "./run-facts.ts";
import {
  type Frame,
  type Intent,
  LIMITS,
  type Outcome,
  type RequestId,
  RESUME_MS,
  type Sizes,
  type World,
  type WorldSettings,
} from "./world.ts";

export class Oracle implements World {
  readonly #settings: WorldSettings;
  #connections: Connection[] = [];
  #requests = new Map<RequestId, Request>();
  /** Sessions deleted in this turn, and by which request. */
  #deleted: { key: string; by: RequestId; current: boolean }[] = [];
  #runs = new RunFacts<Connection>();
  #left: Left[] = [];
  /** Connections that wait for a run, from the request to the gateway's word. */
  #waits: { connection: Connection; run: RunFact<Connection>; request: RequestId; at: number }[] = [];
  #now = 0;
  #lastRequest: RequestId = 0;
  #uses = 0;
  /** Claims given up for newer ones. */
  forgotten = 0;

  constructor(settings: WorldSettings) {
    this.#settings = settings;
  }

  connect(slot: number, observer: boolean, device: string | undefined): void {
    const connection: Connection = {
      slot,
      observer,
      open: true,
      wantsRoster: false,
      granted: [],
      device,
      used: new Map(),
      held: [],
      got: [],
    };
    this.#connections.push(connection);
    const left = device && this.#left.findLast((each) => each.device === device);
    if (!left) return;
    this.#left = this.#left.filter((each) => each !== left);
    left.takenBy = connection;
    // As if it asked again, after the last request and before the next.
    for (const { key, explicit } of left.claims) {
      connection.granted.push({ key, explicit, by: this.#lastRequest + 0.5 });
      this.#use(connection, key);
    }
    for (const run of left.runs) this.#runs.give(run, connection);
  }

  close(slot: number): void {
    const gone = this.#at(slot)!;
    const asked = this.claimsOf(slot).toSorted((a, b) => gone.used.get(a)! - gone.used.get(b)!);
    const runs = this.#runs.leave(gone);
    gone.open = false;
    if (gone.device && asked.length + runs.length > 0) {
      const claims = asked
        .filter((key) => gone.granted.some((grant) => grant.key === key))
        .map((key) => ({ key, explicit: gone.granted.some((grant) => grant.key === key && grant.explicit) }));
      gone.left = { device: gone.device, until: this.#now + RESUME_MS, claims, runs };
      this.#left.push(gone.left);
    }
    gone.granted = [];
    gone.held = [];
    for (const request of this.#requests.values()) {
      if (request.connection !== gone) continue;
      request.waiting = [];
    }
  }

  begin(slot: number, id: RequestId, intent: Intent): boolean {
    const connection = this.#at(slot)!;
    const request: Request = { connection, intent, waiting: [], open: true, current: true };
    if (intent.kind === "claim") {
      const explicit = [...this.#requests.values()]
        .filter((each) => each.connection === connection && each.intent.kind === "claim" && each.intent.explicit)
        .flatMap(({ waiting }) => waiting);
      const subscribed = connection.granted.filter((grant) => grant.explicit).map(({ key }) => key);
      const all = new Set([...subscribed, ...explicit, ...intent.keys]);
      if (intent.explicit && all.size > LIMITS.claimsPerConnection) return false;
      request.waiting = [...intent.keys];
      for (const key of new Set(intent.keys)) this.#use(connection, key);
    }
    if (intent.kind === "wait") {
      const run = this.#runs.find(intent.runId);
      // Of a run that is not known the module has nothing to say.
      request.open = run !== undefined;
      if (run) this.#waits.push({ connection, run, request: id, at: this.#now + WAIT_ACCEPTED_MS });
    }
    this.#lastRequest = id;
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
    if (outcome.result === "ok" && intent.kind === "end") {
      this.#deleted.push(...intent.keys.map((key) => ({ key, by: id, current: request.current })));
    }
    if (!request.current) return;
    if (outcome.result === "ok" && intent.kind === "claim" && outcome.runId !== undefined) {
      this.#started(connection, outcome.runId, [...intent.keys, ...outcome.extraKeys], outcome.fresh === true);
    }
    if (!connection.open) return;
    if (intent.kind === "wait") {
      const ok = outcome.result === "ok";
      const asks = this.#waits.find((each) => each.request === id);
      // While somebody else's run is still somebody's, that may change until the wait's time is over.
      if (asks && !(ok && !this.#mayTake(connection, asks.run))) this.#heard(id, ok);
    }
    if (outcome.result === "ok" && intent.kind === "roster") connection.wantsRoster = intent.wanted;
    if (outcome.result === "ok" && intent.kind === "claim") {
      for (const key of waiting) connection.granted.push({ key, explicit: intent.explicit, by: id });
      for (const key of outcome.extraKeys) {
        // What was left or deleted before the answer stays so, even if the answer names it.
        if (intent.keys.includes(key) && !waiting.includes(key)) continue;
        connection.granted.push({ key, explicit: intent.explicit, by: id });
        if (!intent.keys.includes(key)) this.#use(connection, key);
      }
    }
    if (intent.kind === "claim") {
      const extra = outcome.result === "ok" ? outcome.extraKeys.filter((key) => !intent.keys.includes(key)) : [];
      this.#makeRoom(connection, [...new Set(intent.keys), ...extra]);
    }
    this.#review(connection);
  }

  #review(connection: Connection): void {
    const held = connection.held;
    connection.held = [];
    for (const frame of held) this.#arrive(connection, frame);
  }

  #use(connection: Connection, key: string): void {
    connection.used.set(key, (this.#uses += 1));
  }

  #started(connection: Connection, runId: string, keys: readonly string[], fresh: boolean): void {
    const { left } = connection;
    const heir = left?.takenBy?.open ? left.takenBy : undefined;
    const owner = connection.open ? connection : heir;
    const run = this.#runs.own(owner, runId, keys, fresh, this.#now);
    if (run && !owner) left?.runs.push(run);
  }

  /** A wait was answered, or was not refused in time. */
  #heard(request: RequestId, may: boolean): void {
    const wait = this.#waits.find((each) => each.request === request);
    this.#waits = this.#waits.filter((each) => each !== wait);
    if (!wait || !may || !wait.connection.open) return;
    const { run, connection } = wait;
    if (this.#mayTake(connection, run)) this.#runs.give(run, connection);
  }

  /** The connection that started it has closed, or has the same device. */
  #mayTake({ device }: Connection, { owners }: RunFact<Connection>): boolean {
    return owners.length === 0 || owners.some((owner) => device !== undefined && owner.device === device);
  }

  /** The least recently used are forgotten, except subscribed ones and those with a waiting request. */
  #makeRoom(connection: Connection, latest: string[]): void {
    for (;;) {
      const granted = [...new Set(connection.granted.map(({ key }) => key))];
      if (granted.length <= LIMITS.claimsPerConnection) return;
      const waiting = this.#waiting(connection);
      const [oldest] = granted
        .filter((key) => !waiting.includes(key))
        .filter((key) => !connection.granted.some((grant) => grant.key === key && grant.explicit))
        .toSorted((a, b) => connection.used.get(a)! - connection.used.get(b)!);
      const goes = oldest ?? latest.pop();
      if (goes === undefined) return;
      this.forgotten += 1;
      this.#leave(connection, goes);
    }
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const waits = this.#waits;
      const next = Math.min(this.#runs.due, ...waits.map(({ at }) => at), ...this.#left.map(({ until }) => until));
      if (next > end) break;
      this.#now = next;
      for (const { request, connection } of waits.filter(({ at }) => at === next)) {
        this.#heard(request, true);
        if (connection.open) this.#review(connection);
      }
      this.#runs.lapse(next);
      this.#left = this.#left.filter(({ until }) => until > next);
    }
    this.#now = end;
  }

  emit(frame: Frame): void {
    const { route, sign } = frame;
    if (route.to === "session" && route.runId !== undefined) {
      for (const each of this.#runs.saw(route.runId, route.keys, sign, this.#now)) this.#review(each);
    }
    for (const connection of this.#open()) {
      if (frame.targets && !frame.targets.includes(connection.slot)) continue;
      this.#arrive(connection, frame);
    }
  }

  turn(): void {
    for (const { key, by, current } of this.#deleted) {
      for (const left of this.#left) left.claims = left.claims.filter((each) => each.key !== key);
      if (current) this.#delete(key, by);
    }
    this.#deleted = [];
  }

  restart(): void {
    for (const { slot } of this.#open()) this.close(slot);
    for (const request of this.#requests.values()) request.current = false;
    for (const each of this.#deleted) each.current = false;
    this.#runs = new RunFacts();
    this.#waits = [];
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
      runs: this.#runs.runs.length,
      resumable: this.#left.length,
    };
  }

  delivered(slot: number): readonly number[] {
    return this.#connections.findLast((each) => each.slot === slot)?.got ?? [];
  }

  /** Sessions a connection holds a claim on or waits for. */
  claimsOf(slot: number): string[] {
    const connection = this.#at(slot);
    if (!connection) return [];
    return [...new Set([...connection.granted.map(({ key }) => key), ...this.#waiting(connection)])];
  }

  #waiting(connection: Connection): string[] {
    const own = [...this.#requests.values()].filter((each) => each.connection === connection);
    return own.flatMap(({ waiting }) => waiting);
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

  hasRun(slot: number, runId: string | undefined, keys?: readonly string[]): boolean {
    const connection = this.#at(slot);
    const run = this.#runs.find(runId);
    return (
      run !== undefined &&
      connection !== undefined &&
      run.owners.includes(connection) &&
      (!keys || shares(run.keys, keys))
    );
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
    const entitled = this.#settings.scope === "session" ? claimsOne : asked;
    if (connection.observer || entitled || this.hasRun(slot, route.runId, route.keys)) {
      return void connection.got.push(frame.id);
    }
    const run = this.#runs.find(route.runId);
    const asks = this.#waits.some((each) => each.connection === connection && each.run === run);
    if ((asks && shares(run!.keys, route.keys)) || shares(this.#waiting(connection), route.keys))
      connection.held = [...connection.held, frame].slice(-LIMITS.heldFramesPerConnection);
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
