/** The naive gateway's waits: connections that ask for a run which they did not start. */
import { WAIT_ACCEPTED_MS } from "../../../src/delivery/claim-requests.ts";
import type { Connection } from "./facts.ts";
import type { RunFact, RunFacts } from "./run-facts.ts";
import type { RequestId } from "./world.ts";

interface Wait {
  readonly connection: Connection;
  readonly runId: string;
  /** The run at the time of the request, if it had begun. */
  readonly asked: RunFact<Connection> | undefined;
  readonly at: number;
  heard: boolean;
}

interface Hope {
  readonly connection: Connection;
  readonly runId: string;
  run: RunFact<Connection> | undefined;
}

export class WaitFacts {
  readonly #runs: RunFacts<Connection>;
  readonly #gained: (connection: Connection) => void;
  readonly #waits = new Map<RequestId, Wait>();
  /** Connections that the gateway lets wait, and that may have the run once its owner has gone. */
  #hopes: Hope[] = [];

  /** @param gained called for a connection that has got a run that it waited for */
  constructor(runs: RunFacts<Connection>, gained: (connection: Connection) => void) {
    this.#runs = runs;
    this.#gained = gained;
  }

  ask(request: RequestId, connection: Connection, runId: string, now: number): void {
    const asked = this.#runs.find(runId);
    this.#waits.set(request, { connection, runId, asked, at: now + WAIT_ACCEPTED_MS, heard: false });
  }

  /** Whether a run's frames wait for the gateway's word. */
  holds(connection: Connection, run: RunFact<Connection>): boolean {
    return [...this.#waits.values()].some(
      (each) => !each.heard && each.connection === connection && each.asked === run,
    );
  }

  answered(request: RequestId, ok: boolean): void {
    const wait = this.#waits.get(request)!;
    const { connection, runId } = wait;
    if (ok) this.#accept(wait);
    this.#drop(connection, runId);
    this.#waits.delete(request);
  }

  get due(): number {
    return Math.min(...[...this.#waits.values()].filter(({ heard }) => !heard).map(({ at }) => at));
  }

  /** Waits that nobody has refused in time. @returns their connections */
  lapse(now: number): Connection[] {
    const due = [...this.#waits.values()].filter(({ at, heard }) => at === now && !heard);
    for (const wait of due) this.#accept(wait);
    return due.map(({ connection }) => connection);
  }

  leave(gone: Connection): void {
    this.#hopes = this.#hopes.filter(({ connection }) => connection !== gone);
  }

  /** Gives runs to those who hope for them, once they may have them. */
  settle(): void {
    for (const hope of this.#hopes) {
      const run = this.#runs.find(hope.runId);
      if (hope.run && hope.run !== run) this.#hopes = this.#hopes.filter((each) => each !== hope);
      hope.run ??= run;
    }
    const may = this.#hopes.filter(({ connection, run }) => run && mayTake(connection, run));
    this.#hopes = this.#hopes.filter((hope) => !may.includes(hope));
    for (const { connection, run } of may) {
      this.#runs.give(run!, connection);
      this.#gained(connection);
    }
    if (may.length > 0) this.settle();
  }

  #accept(wait: Wait): void {
    const { connection, runId, asked } = wait;
    wait.heard = true;
    const run = this.#runs.find(runId);
    if (!connection.open || (asked && asked !== run)) return;
    this.#drop(connection, runId);
    this.#hopes.push({ connection, runId, run });
    this.settle();
  }

  #drop(connection: Connection, runId: string): void {
    this.#hopes = this.#hopes.filter((each) => each.connection !== connection || each.runId !== runId);
  }
}

/** The connection that started it has closed, or has the same device. */
function mayTake({ device }: Connection, { owners }: RunFact<Connection>): boolean {
  return owners.length === 0 || owners.some((owner) => device !== undefined && owner.device === device);
}
