/** The policy's three parts, put together by hand as the composition does. */
import { mayReceive, recipients } from "../../../src/policy/delivery.ts";
import { HeldFrames } from "../../../src/policy/held-frames.ts";
import { type PendingClaim, Claims } from "../../../src/policy/claims.ts";
import { type Left, Parked } from "../../../src/policy/parked.ts";
import { Runs } from "../../../src/policy/runs.ts";
import { WAIT_ACCEPTED_MS } from "../../../src/delivery/claim-requests.ts";
import {
  Clock,
  eventOf,
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

interface Connection {
  readonly slot: number;
  readonly device: string | undefined;
  readonly got: number[];
  left?: Left<Connection> | undefined;
}

interface Request {
  readonly connection: Connection;
  readonly intent: Intent;
  readonly claim?: PendingClaim | undefined;
  /** The gateway has answered a wait. */
  readonly wait?: (ok: boolean) => void;
  /** Of the gateway it was made to: a restart makes new ones. */
  readonly claims: Claims<Connection>;
  readonly asOf: number;
}

export class PolicyWorld implements World {
  readonly #settings: WorldSettings;
  readonly #slots = new Map<number, Connection>();
  /** The last connection of each device, while it is open. */
  readonly #latest = new Map<string, Connection>();
  readonly #last = new Map<number, Connection>();
  readonly #requests = new Map<RequestId, Request>();
  readonly #clock = new Clock();
  readonly #parked = new Parked<Connection>(this.#clock.later);
  #deletions: (() => void)[] = [];
  claims = this.#newClaims();
  #held = new HeldFrames<Connection, Frame>(LIMITS.heldFramesPerConnection);

  constructor(settings: WorldSettings) {
    this.#settings = settings;
  }

  connect(slot: number, observer: boolean, device: string | undefined): void {
    const connection: Connection = { slot, device, got: [] };
    this.#slots.set(slot, connection);
    this.#last.set(slot, connection);
    this.claims.connect(connection, { observer });
    if (device === undefined) return;
    this.claims.resume(connection, device);
    this.#latest.set(device, connection);
  }

  close(slot: number): void {
    const connection = this.#slots.get(slot)!;
    this.#slots.delete(slot);
    const { device } = connection;
    const park = device === undefined ? undefined : { identity: device, ms: RESUME_MS };
    connection.left = this.claims.disconnect(connection, park);
    this.#held.forget(connection);
    if (device === undefined) return;
    const latest = this.#latest.get(device);
    if (latest === connection) this.#latest.delete(device);
    else if (latest && this.claims.resume(latest, device)) this.#review(latest, this.claims);
  }

  begin(slot: number, id: RequestId, intent: Intent): boolean {
    const connection = this.#slots.get(slot)!;
    const { claims } = this;
    let claim: PendingClaim | undefined;
    let wait: Request["wait"];
    if (intent.kind === "claim") {
      claim = this.claims.begin(connection, intent.keys, intent.explicit, intent.startsRun);
      if (!claim) return false;
    }
    if (intent.kind === "unclaim") for (const key of intent.keys) this.claims.unclaim(connection, key);
    if (intent.kind === "wait") {
      const asks = claims.askForRun(connection, intent.runId);
      if (!asks) return true;
      const accept = (): void => asks.accept(({ device }) => device !== undefined && device === connection.device);
      const callOff = this.#clock.later(WAIT_ACCEPTED_MS, () => {
        accept();
        this.#review(connection, claims);
      });
      wait = (ok) => {
        callOff();
        if (!ok) return asks.reject();
        accept();
        asks.answered();
      };
    }
    this.#requests.set(id, { connection, intent, claim, claims, asOf: claims.now, ...(wait && { wait }) });
    return true;
  }

  answer(id: RequestId, outcome: Outcome): void {
    const request = this.#requests.get(id);
    if (!request) return;
    const { connection, intent, claim, claims, asOf, wait } = request;
    if (wait) wait(outcome.result === "ok");
    else if (outcome.result !== "ok") claim?.reject();
    else if (intent.kind === "roster") claims.setRoster(connection, intent.wanted);
    else if (intent.kind === "end") this.#deletions.push(() => intent.keys.forEach((key) => claims.end(key, asOf)));
    else {
      const { extraKeys, runId, fresh } = outcome;
      const starts = intent.kind === "claim" && intent.startsRun && runId !== undefined;
      claim?.accept({ extraKeys, run: starts ? { id: runId, fresh: fresh === true } : undefined });
    }
    this.#review((connection.left && claims.heirs.lineOf(connection.left).heir) ?? connection, claims);
  }

  #review(connection: Connection, claims: Claims<Connection>): void {
    const judged = this.#held.review(connection, ({ route }) =>
      route.to === "all" ? "deliver" : mayReceive(connection, route, claims, this.#settings),
    );
    for (const frame of judged.deliver) connection.got.push(frame.id);
  }

  emit(frame: Frame): void {
    const { route, targets } = frame;
    const among = (connection: Connection): boolean => !targets || targets.includes(connection.slot);
    if (route.to === "all") {
      for (const connection of this.#slots.values()) if (among(connection)) connection.got.push(frame.id);
      return;
    }
    if (route.to === "session" && route.runId !== undefined) {
      const { event, payload } = frame.sign ? eventOf(frame.sign, {}) : { event: "made.up", payload: {} };
      for (const each of this.claims.runs.saw(route.runId, route.keys, event, payload)) this.#review(each, this.claims);
    }
    const { deliver, hold } = recipients(route, this.claims, this.#settings);
    // The index look-up and the rule for one connection are the same decision.
    for (const connection of this.#last.values()) {
      const verdict = deliver.has(connection) ? "deliver" : hold.has(connection) ? "hold" : "drop";
      const rule = mayReceive(connection, route, this.claims, this.#settings);
      if (rule !== verdict)
        throw new Error(`recipients says ${verdict} for slot ${connection.slot}, mayReceive ${rule}`);
    }
    for (const connection of hold) if (among(connection)) this.#held.hold(connection, frame);
    for (const connection of deliver) if (among(connection)) connection.got.push(frame.id);
  }

  turn(): void {
    for (const end of this.#deletions) end();
    this.#deletions = [];
  }

  pass(ms: number): void {
    this.#clock.pass(ms);
  }

  restart(): void {
    for (const slot of this.#slots.keys()) this.close(slot);
    this.claims = this.#newClaims();
    this.#held = new HeldFrames(LIMITS.heldFramesPerConnection);
  }

  sizes(): Sizes {
    return { ...this.claims.size, held: this.#held.size };
  }

  delivered(slot: number): readonly number[] {
    return this.#last.get(slot)?.got ?? [];
  }

  #newClaims(): Claims<Connection> {
    const runs = new Runs<Connection>(LIMITS.runsPerConnection, this.#clock.later, (each) =>
      this.#review(each, claims),
    );
    const claims: Claims<Connection> = new Claims(LIMITS, { runs, parked: this.#parked });
    return claims;
  }

  connection(slot: number): Connection | undefined {
    return this.#slots.get(slot);
  }
}
