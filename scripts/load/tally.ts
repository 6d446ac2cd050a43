/** What one connection got: counted frame by frame, since nobody can keep millions of them. */
import { keyOf, sendTimesIn, tokenOf } from "../../bench/timed-model.ts";
import { isExcused } from "../../src/report/excuses.ts";
import { type SecretFinder, secretFinder } from "../../src/report/secrets.ts";

/** Sums over connections, too. */
export interface Counts {
  frames: number;
  bytes: number;
  /** Hold the connection's own token or key, and no other's token. */
  own: number;
  /** Hold another client's token or key: a leak. */
  foreign: number;
  /** Name another client's session where the judge excuses it, and hold nothing of it. */
  keyOnly: number;
  /** Numbers that are missing between two frames, and frames that go back or repeat. */
  gaps: number;
  repeats: number;
}

export function noCounts(): Counts {
  return { frames: 0, bytes: 0, own: 0, foreign: 0, keyOnly: 0, gaps: 0, repeats: 0 };
}

export function addCounts(sum: Counts, more: Counts): void {
  for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += more[name];
}

/** The frame's own number is its last field except for these; events contain others of that name. */
const NUMBER = /"seq":(\d+)(?:,"stateVersion":\{[^{}]*\})?(?:,"recipientProfileId":"[^"]*")?\}$/;
const TAIL = 200;

export type Finder = SecretFinder<"session key" | "text">;

/** Makes what finds the tokens and keys of the first so many clients in a frame. */
export function clientFinder(clients: number): Finder {
  return secretFinder(
    Array.from({ length: clients }, (_, session) => [
      { session, kind: "session key", text: keyOf(session) } as const,
      { session, kind: "text", text: tokenOf(session) } as const,
    ]).flat(),
  );
}

/** Whether a frame holds something of other clients than this one, and not where the judge excuses it. */
export function tellsOfOthers(finder: Finder, json: string, client?: number): boolean {
  const frame = JSON.parse(json) as { readonly event: string };
  return finder.inValue(frame).some((trace) => trace.session !== client && !isExcused(frame.event, trace));
}

export class Tally {
  readonly counts = noCounts();
  /** Milliseconds from the model's sending a chunk to the first own frame that holds it. */
  readonly latencies: number[] = [];
  /** How its run ended; undefined while it goes on. */
  ended: string | undefined;
  readonly #client: number;
  readonly #finder: Finder;
  readonly #since: number;
  readonly #chunks = new Set<number>();
  #lastNumber: number | undefined;

  /**
   * @param client the number in the connection's token and key
   * @param finder of all clients' tokens and keys
   * @param since when it began, on the model's clock: chunks of earlier answers do not count
   */
  constructor(client: number, finder: Finder, since: number) {
    this.#client = client;
    this.#finder = finder;
    this.#since = since;
  }

  /** Chunks of its answer that it has seen. */
  get chunks(): number {
    return this.#chunks.size;
  }

  /**
   * Takes a frame.
   *
   * @param json an event, as received
   * @param at when it came, on the model's clock
   */
  take(json: string, at: number): void {
    const { counts } = this;
    counts.frames += 1;
    counts.bytes += Buffer.byteLength(json);
    this.#number(json);
    const found = [...this.#finder.inText(json)];
    const mine = found.some(({ session }) => session === this.#client);
    const others = found.some(({ session }) => session !== this.#client);
    if (others && tellsOfOthers(this.#finder, json, this.#client)) counts.foreign += 1;
    else if (others) counts.keyOnly += 1;
    else if (mine) counts.own += 1;
    if (!mine) return;
    for (const sent of sendTimesIn(json)) {
      // Later frames repeat the text so far.
      if (sent < this.#since || this.#chunks.has(sent)) continue;
      this.#chunks.add(sent);
      this.latencies.push(at - sent);
    }
    const state = json.includes('"event":"chat"') ? /"state":"(final|aborted|error)"/.exec(json)?.[1] : undefined;
    if (state !== undefined) this.ended = state;
  }

  #number(json: string): void {
    const found = NUMBER.exec(json.slice(-TAIL))?.[1];
    if (found === undefined) return;
    const number = Number(found);
    const step = number - (this.#lastNumber ?? number - 1);
    this.#lastNumber = number;
    if (step > 1) this.counts.gaps += 1;
    if (step < 1) this.counts.repeats += 1;
  }
}
