/** The naive gateway's runs: who has which one, as the rules say, in plain arrays. */
import { NEXT_MS } from "../../../src/policy/absorbed.ts";
import { ANSWER_MS, TAIL_MS } from "../../../src/policy/runs.ts";
import { LIMITS, type Sign } from "./world.ts";

export interface RunFact<C> {
  readonly id: string;
  keys: readonly string[];
  owners: C[];
  /** Nothing of it was seen yet, and nobody else had its id when it began. */
  homeless: boolean;
  began: boolean;
  over: boolean;
  endsAt: number;
}

interface Queue<C> {
  readonly key: string;
  senders: C[];
  count: number;
  behind: RunFact<C>;
  endsAt: number;
}

const NEVER = Infinity;

export class RunFacts<C> {
  runs: RunFact<C>[] = [];
  #queues: Queue<C>[] = [];
  /** Of each connection, the oldest first. */
  readonly #had = new Map<C, RunFact<C>[]>();

  find(id: string | undefined): RunFact<C> | undefined {
    return this.runs.find((run) => run.id === id);
  }

  /** Whether a connection has a run in a session. */
  isOn(connection: C, key: string): boolean {
    return this.runs.some(({ owners, keys }) => owners.includes(connection) && keys.includes(key));
  }

  of(connection: C): RunFact<C>[] {
    return [...(this.#had.get(connection) ?? [])];
  }

  own(owner: C | undefined, id: string, keys: readonly string[], fresh: boolean, now: number): RunFact<C> | undefined {
    const known = this.find(id);
    if (known && shares(known.keys, keys)) {
      if (owner !== undefined) this.give(known, owner);
      return known;
    }
    if (known && !fresh) return undefined;
    if (known) this.#end(known, now);
    if (keys.length === 0 && (known || !fresh)) return undefined;
    const run = this.#add(id, keys, fresh && !known);
    if (owner !== undefined) this.give(run, owner);
    return run;
  }

  give(run: RunFact<C>, owner: C): void {
    if (!this.runs.includes(run)) return;
    if (run.owners.includes(owner)) return;
    run.owners.push(owner);
    const had = [...this.of(owner), run];
    this.#had.set(owner, had);
    if (had.length > LIMITS.runsPerConnection) this.#take(had[0]!, owner);
  }

  /** @param freed called after each run of the connection: the order decides which one is somebody's oldest */
  leave(connection: C, freed: () => void): RunFact<C>[] {
    const had = this.of(connection);
    for (const run of had) {
      this.#take(run, connection);
      freed();
    }
    for (const queue of this.#queues) queue.senders = queue.senders.filter((each) => each !== connection);
    return had;
  }

  /** @returns connections that have more than before */
  saw(id: string, keys: readonly string[], sign: Sign | undefined, now: number): C[] {
    const known = this.find(id);
    const run = known ?? this.#next(id, keys[0]!, sign);
    if (!run) return [];
    let more = known ? [] : [...run.owners];
    if (!shares(run.keys, keys)) {
      if (!run.homeless) return [];
      run.keys = keys;
      more = [...run.owners];
    }
    run.homeless = false;
    if (sign === "begins" || sign === "works" || sign === "ends") run.began = true;
    if (sign === "empty" && !run.began && !run.over) more = this.#queue(run, keys[0]!) ?? more;
    if (sign === "begins") run.endsAt = NEVER;
    if (sign === "final" || sign === "empty" || sign === "aborted") run.over = true;
    if (run.over ? sign === "final" || sign === "empty" || sign === "aborted" || sign === "ends" : sign === "ends") {
      run.endsAt = now + (run.over ? TAIL_MS : ANSWER_MS);
    }
    return more;
  }

  /** When something happens next by itself. */
  get due(): number {
    return Math.min(...[...this.runs, ...this.#queues].map(({ endsAt }) => endsAt));
  }

  lapse(now: number): void {
    for (const run of this.runs.filter(({ endsAt }) => endsAt <= now)) this.#end(run, now);
    this.#queues = this.#queues.filter(({ endsAt }) => endsAt > now);
  }

  #next(id: string, key: string, sign: Sign | undefined): RunFact<C> | undefined {
    const queue = this.#queues.find((each) => each.key === key);
    if (!queue || sign !== "begins") return undefined;
    if (this.runs.includes(queue.behind) && !queue.behind.over) return undefined;
    const run = this.#add(id, [key], false);
    for (const sender of queue.senders) this.give(run, sender);
    queue.behind = run;
    queue.endsAt = NEVER;
    queue.count -= 1;
    if (queue.count === 0) this.#queues = this.#queues.filter((each) => each !== queue);
    return run;
  }

  #queue(message: RunFact<C>, key: string): C[] | undefined {
    const others = this.runs.filter((run) => run !== message && !run.over && run.keys.includes(key));
    const other = others.findLast(({ began }) => began) ?? others[0];
    if (!other) return undefined;
    const senders = [...message.owners];
    for (const sender of senders) this.give(other, sender);
    let queue = this.#queues.find((each) => each.key === key);
    if (queue?.behind !== other) {
      this.#queues = this.#queues.filter((each) => each !== queue);
      this.#queues.push((queue = { key, senders: [], count: 0, behind: other, endsAt: NEVER }));
    }
    queue.senders.push(...senders.filter((each) => !queue.senders.includes(each)));
    queue.count += 1;
    return senders;
  }

  #add(id: string, keys: readonly string[], homeless: boolean): RunFact<C> {
    const run = { id, keys, owners: [], homeless, began: false, over: false, endsAt: NEVER };
    this.runs.push(run);
    return run;
  }

  #take(run: RunFact<C>, owner: C): void {
    run.owners = run.owners.filter((each) => each !== owner);
    this.#had.set(
      owner,
      this.of(owner).filter((each) => each !== run),
    );
  }

  #end(run: RunFact<C>, now: number): void {
    for (const owner of run.owners) this.#take(run, owner);
    this.runs = this.runs.filter((each) => each !== run);
    for (const queue of this.#queues) if (queue.behind === run) queue.endsAt = now + NEXT_MS;
  }
}

export function shares(some: readonly string[], others: readonly string[]): boolean {
  return some.some((each) => others.includes(each));
}
