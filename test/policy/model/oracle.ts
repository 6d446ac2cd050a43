/**
 * The naive gateway: facts in plain arrays, searched anew for every question. Written from the
 * invariants of the design, and knows nothing of the implementation but the {@link World} it joins.
 */
import { type Connection, type Left, newConnection, type Request } from "./facts.ts";
import { answersTo, lineOf, mayHaveStarted, startsOf, subscribing, waitingFor } from "./request-facts.ts";
import { RunFacts, shares } from "./run-facts.ts";
import { WaitFacts } from "./wait-facts.ts";
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
  #waits = this.#newWaits();
  /** The last connection of each device, while it is open. */
  readonly #latest = new Map<string, Connection>();
  #now = 0;
  #uses = 0;
  /** Claims given up for newer ones. */
  forgotten = 0;

  constructor(settings: WorldSettings) {
    this.#settings = settings;
  }

  connect(slot: number, observer: boolean, device: string | undefined): void {
    const connection = newConnection(slot, observer, device);
    this.#connections.push(connection);
    if (device === undefined) return;
    this.#latest.set(device, connection);
    this.#comeBack(connection, device);
  }

  #comeBack(connection: Connection, device: string): void {
    const left = this.#left.findLast((each) => each.device === device);
    if (!left) return;
    this.#left = this.#left.filter((each) => each !== left);
    left.takenBy = connection;
    connection.cameBack = true;
    connection.granted.push(...left.claims);
    for (const key of new Set(left.claims.map((claim) => claim.key))) this.#use(connection, key);
    this.#makeRoom(
      connection,
      left.claims.map(({ key }) => key),
    );
    for (const run of left.runs) this.#runs.give(run, connection);
    this.#waits.settle();
    this.#review(connection);
  }

  close(slot: number): void {
    const gone = this.#at(slot)!;
    const asked = this.claimsOf(slot).toSorted((a, b) => gone.used.get(a)! - gone.used.get(b)!);
    this.#waits.leave(gone);
    const runs = this.#runs.leave(gone, () => this.#waits.settle());
    const starts = startsOf(gone, this.#requests.values());
    gone.open = false;
    if (gone.device && (asked.length + runs.length + starts.length > 0 || gone.cameBack)) {
      const claims = asked.flatMap((key) => gone.granted.filter((grant) => grant.key === key));
      gone.left = { device: gone.device, until: this.#now + RESUME_MS, claims, runs };
      this.#left.push(gone.left);
    }
    gone.granted = [];
    gone.held = [];
    const latest = gone.device === undefined ? undefined : this.#latest.get(gone.device);
    if (latest === gone) this.#latest.delete(gone.device!);
    for (const request of this.#requests.values()) {
      if (request.connection !== gone) continue;
      request.waiting = [];
    }
    // It was back before the end of this one was noticed.
    if (latest && latest !== gone) this.#comeBack(latest, gone.device!);
  }

  begin(slot: number, id: RequestId, intent: Intent): boolean {
    const connection = this.#at(slot)!;
    const request: Request = { connection, intent, waiting: [], open: true, current: true };
    if (intent.kind === "claim") {
      const explicit = subscribing(connection, this.#requests.values());
      const subscribed = connection.granted.filter((grant) => grant.explicit).map(({ key }) => key);
      const all = new Set([...subscribed, ...explicit, ...intent.keys]);
      if (intent.explicit && all.size > LIMITS.claimsPerConnection) return false;
      request.waiting = [...intent.keys];
      for (const key of new Set(intent.keys)) this.#use(connection, key);
    }
    if (intent.kind === "wait") {
      this.#waits.ask(id, connection, intent.runId, this.#now);
    }
    if (intent.kind === "unclaim") for (const key of intent.keys) this.#leave(connection, key);
    this.#requests.set(id, request);
    return true;
  }

  answer(id: RequestId, outcome: Outcome): void {
    const request = this.#requests.get(id);
    if (!request?.open) return;
    this.#settle(id, request, outcome);
    request.open = false;
    const concerned = request.current ? answersTo(request.connection) : undefined;
    if (concerned) this.#review(concerned);
  }

  #settle(id: RequestId, request: Request, outcome: Outcome): void {
    const { connection, intent, waiting } = request;
    const starts = intent.kind === "claim" && intent.startsRun;
    if (outcome.result === "ok" && intent.kind === "end") {
      this.#deleted.push(...intent.keys.map((key) => ({ key, by: id, current: request.current })));
    }
    if (request.current && outcome.result === "ok" && starts && outcome.runId !== undefined) {
      this.#started(connection, outcome.runId, [...intent.keys, ...outcome.extraKeys], outcome.fresh === true);
    }
    request.waiting = [];
    if (!request.current) return;
    if (!connection.open) return;
    if (intent.kind === "wait") this.#waits.answered(id, outcome.result === "ok");
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
  }

  #newWaits(): WaitFacts {
    return new WaitFacts(this.#runs, (connection) => this.#review(connection));
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
    const { left } = lineOf(connection);
    const owner = answersTo(connection);
    const run = this.#runs.own(owner, runId, keys, fresh, this.#now);
    if (run && !owner) left?.runs.push(run);
    this.#waits.settle();
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
      const next = Math.min(this.#runs.due, this.#waits.due, ...this.#left.map(({ until }) => until));
      if (next > end) break;
      this.#now = next;
      for (const connection of this.#waits.lapse(next)) if (connection.open) this.#review(connection);
      this.#runs.lapse(next);
      this.#waits.settle();
      this.#left = this.#left.filter(({ until }) => until > next);
    }
    this.#now = end;
  }

  emit(frame: Frame): void {
    const { route, sign } = frame;
    if (route.to === "session" && route.runId !== undefined) {
      const gained = this.#runs.saw(route.runId, route.keys, sign, this.#now);
      this.#waits.settle();
      for (const each of gained) this.#review(each);
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
    this.#waits = this.#newWaits();
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
    return waitingFor(connection, this.#requests.values());
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

  /** Whether the slot has the session that spawned another one, or a run in it. */
  follows(slot: number, parent: string): boolean {
    const connection = this.#at(slot);
    if (!connection) return false;
    const asked = connection.granted.some(({ key, explicit }) => key === parent && explicit);
    const claimed = this.#settings.scope === "session" ? this.holdsClaim(slot, parent) : asked;
    return claimed || this.#runs.isOn(connection, parent);
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
    const { parent } = route;
    const spawned = parent !== undefined && this.follows(slot, parent);
    if (connection.observer || entitled || spawned || this.hasRun(slot, route.runId, route.keys)) {
      return void connection.got.push(frame.id);
    }
    const run = this.#runs.find(route.runId);
    const asks = run && this.#waits.holds(connection, run);
    const related = parent === undefined ? route.keys : [...route.keys, parent];
    if (
      (asks && shares(run.keys, route.keys)) ||
      shares(this.#waiting(connection), related) ||
      mayHaveStarted(connection, this.#requests.values(), route, run !== undefined && shares(run.keys, route.keys))
    )
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
