/** Commands for the model test, and how one is carried out on several worlds at once. */
import fc from "fast-check";
import {
  DEVICES,
  type Frame,
  type Intent,
  type Outcome,
  RUNS,
  SESSIONS,
  type Sign,
  SLOTS,
  TIMES,
  type World,
} from "./world.ts";

export type Command =
  | { readonly do: "connect"; readonly slot: number; readonly observer: boolean; readonly device?: string | undefined }
  | { readonly do: "close"; readonly slot: number }
  | { readonly do: "begin"; readonly slot: number; readonly intent: Intent }
  /** `back` counts from the newest request: answers come in any order, late, and after a close. */
  | { readonly do: "answer"; readonly back: number; readonly outcome: Outcome }
  | {
      readonly do: "emit";
      readonly route: Frame["route"];
      readonly sign?: Sign | undefined;
      readonly targets?: readonly number[] | undefined;
    }
  | { readonly do: "turn" }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "restart" };

const slot = fc.nat(SLOTS - 1);
const key = fc.constantFrom(...SESSIONS.map((session) => session.key));
const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 3 });
const runId = fc.constantFrom(undefined, ...RUNS);

/** Not unique, and none at all, as clients write them. */
const askedKeys = fc.array(key, { maxLength: 3 });

const claim = fc.record({
  kind: fc.constant("claim" as const),
  keys: askedKeys,
  explicit: fc.boolean(),
  startsRun: fc.boolean(),
});

const intent: fc.Arbitrary<Intent> = fc.oneof(
  { weight: 6, arbitrary: claim },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("unclaim" as const), keys: fc.array(key, { maxLength: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const), keys: fc.array(key, { maxLength: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("roster" as const), wanted: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), runId: fc.constantFrom(...RUNS) }) },
);

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      result: fc.constant("ok" as const),
      extraKeys: fc.array(key, { maxLength: 1 }),
      runId,
      fresh: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Outcome>({ result: "refused" }) },
  { weight: 1, arbitrary: fc.constant<Outcome>({ result: "failed" }) },
);

const route: fc.Arbitrary<Frame["route"]> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ to: fc.constant("session" as const), keys, runId }) },
  // Of a sub-agent; releases name its one session where they look first.
  {
    weight: 2,
    arbitrary: fc
      .record({ to: fc.constant("session" as const), key, runId, parent: key })
      .map(({ key: one, ...rest }): Frame["route"] => ({ ...rest, keys: [one] })),
  },
  { weight: 2, arbitrary: fc.record({ to: fc.constant("roster" as const), keys: fc.array(key, { maxLength: 1 }) }) },
  { weight: 1, arbitrary: fc.constant<Frame["route"]>({ to: "nobody", reason: "no-key" }) },
  { weight: 1, arbitrary: fc.constant<Frame["route"]>({ to: "all" }) },
);

const sign: fc.Arbitrary<Sign | undefined> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  { weight: 6, arbitrary: fc.constantFrom("delta", "works", "begins") },
  { weight: 4, arbitrary: fc.constantFrom("final", "empty", "aborted", "ends") },
);

const device = fc.constantFrom(...DEVICES);

const targets = fc.option(fc.uniqueArray(slot, { maxLength: SLOTS }), { freq: 5, nil: undefined });

function commandsBut(observer: fc.Arbitrary<boolean>, restart: fc.Arbitrary<Command>): fc.Arbitrary<Command> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("connect" as const), slot, observer, device }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), slot }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("begin" as const), slot, intent }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("answer" as const), back: fc.nat(4), outcome }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("emit" as const), route, sign, targets }) },
    { weight: 1, arbitrary: fc.constant<Command>({ do: "turn" }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(...TIMES) }) },
    { weight: 1, arbitrary: restart },
  );
}

// A few connections first: most sequences would otherwise talk to nobody.
function connecting(observer: fc.Arbitrary<boolean>): fc.Arbitrary<Command[]> {
  return fc.uniqueArray(fc.record({ do: fc.constant("connect" as const), slot, observer, device }), {
    selector: ({ slot: each }) => each,
    maxLength: 3,
  });
}

/** The words of runs with other things between them: what was decided on one must not outlive a change. */
export function wordSeries(withObservers: boolean): fc.Arbitrary<Command[]> {
  const observer = withObservers ? fc.boolean() : fc.constant(false);
  const other = commandsBut(observer, fc.constant({ do: "turn" }));
  const series = fc
    .record({
      slot,
      key,
      runId: fc.constantFrom(...RUNS),
      between: fc.array(fc.array(other, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
    })
    .map(({ slot: each, key: one, runId: run, between }): Command[] => {
      const said = (word: Sign): Command => ({
        do: "emit",
        route: { to: "session", keys: [one], runId: run },
        sign: word,
      });
      return [
        { do: "begin", slot: each, intent: { kind: "claim", keys: [one], explicit: false, startsRun: true } },
        { do: "answer", back: 0, outcome: { result: "ok", extraKeys: [], runId: run, fresh: true } },
        said("begins"),
        said("delta"),
        ...between.flatMap((others) => [...others, said("delta"), said("works")]),
      ];
    });
  return fc
    .tuple(connecting(observer), fc.array(series, { minLength: 1, maxLength: 3 }))
    .map(([first, all]) => [...first, ...all.flat()]);
}

export function commands(withObservers: boolean): fc.Arbitrary<Command[]> {
  const observer = withObservers ? fc.boolean() : fc.constant(false);
  const command = commandsBut(
    observer,
    fc
      .record({ do: fc.constant("restart" as const), sure: fc.nat(3) })
      .map(({ sure }): Command => (sure === 0 ? { do: "restart" } : { do: "turn" })),
  );
  // A run whose first frames come before the answer: rare among single commands.
  const early = fc
    .record({
      slot,
      key,
      runId,
      outcome,
      explicit: fc.boolean(),
      how: fc.constantFrom("waits", "leaves", "names-none", "is-cut"),
      other: slot,
      device,
      startsRun: fc.boolean(),
      frames: fc.integer({ min: 1, max: 4 }),
      between: fc.array(command, { maxLength: 2 }),
    })
    .map(({ slot: each, key: one, runId: run, outcome: answer, how, frames, between, other, ...rest }): Command[] => {
      const { device: of, ...more } = rest;
      const connect = (by: number): Command => ({ do: "connect", slot: by, observer: false, device: of });
      const cut: Command[] = [{ do: "close", slot: each }, connect(other)];
      return [
        ...(how === "is-cut" ? [connect(each)] : []),
        { do: "begin", slot: each, intent: { kind: "claim", keys: how === "names-none" ? [] : [one], ...more } },
        ...(how === "leaves" ? [{ do: "begin", slot: each, intent: { kind: "unclaim", keys: [one] } } as const] : []),
        ...(how === "is-cut" ? cut : []),
        ...Array.from({ length: frames }, (): Command => ({
          do: "emit",
          route: { to: "session", keys: [one], runId: run },
        })),
        ...between,
        // The unsubscribe is the newer request.
        {
          do: "answer",
          back: how === "leaves" ? 1 : 0,
          outcome:
            answer.result === "ok"
              ? { ...answer, runId: run, ...(how === "names-none" && { extraKeys: [one] }) }
              : answer,
        },
      ];
    });
  // A run that outlives its claim, or its connection: rare among single commands, too.
  const owned = fc
    .record({
      slot,
      key,
      runId: fc.constantFrom(...RUNS),
      device,
      observer,
      how: fc.constantFrom("leaves", "drops", "waits", "is-taken-in"),
      other: slot,
      spawned: key,
      signs: fc.array(sign, { minLength: 1, maxLength: 3 }),
      after: fc.constantFrom(...TIMES),
    })
    .map(({ slot: each, key: one, runId: run, how, other, spawned, signs, after, ...who }): Command[] => {
      const ask = (by: number, id: string): Command[] => [
        { do: "begin", slot: by, intent: { kind: "claim", keys: [one], explicit: false, startsRun: true } },
        { do: "answer", back: 0, outcome: { result: "ok", extraKeys: [], runId: id, fresh: true } },
      ];
      const frames = (id: string): Command[] =>
        signs.map((said) => ({ do: "emit", route: { to: "session", keys: [one], runId: id }, sign: said }));
      const child: Command = { do: "emit", route: { to: "session", keys: [spawned], runId: undefined, parent: one } };
      const leave: Command = { do: "begin", slot: each, intent: { kind: "unclaim", keys: [one] } };
      const connect = (by: number): Command => ({ do: "connect", slot: by, ...who });
      switch (how) {
        case "leaves":
          return [...ask(each, run), leave, child, ...frames(run), { do: "pass", ms: after }, child, ...frames(run)];
        case "drops":
          return [connect(each), ...ask(each, run), { do: "close", slot: each }, connect(other), ...frames(run)];
        case "waits":
          return [
            ...ask(each, run),
            { do: "close", slot: each },
            { do: "begin", slot: other, intent: { kind: "wait", runId: run } },
            ...frames(run),
            { do: "pass", ms: after },
            ...frames(run),
          ];
        default: {
          // Queued by a run that goes on; the gateway answers it by a run of its own.
          const end = (id: string, said: Sign): Command => ({
            do: "emit",
            route: { to: "session", keys: [one], runId: id },
            sign: said,
          });
          const message = run === "r1" ? "r2" : "r1";
          return [
            ...ask(other, run),
            ...ask(each, message),
            end(message, "empty"),
            leave,
            end(run, "final"),
            end("r4", "begins"),
            ...frames("r4"),
          ];
        }
      }
    });
  const step = fc.oneof(
    { weight: 8, arbitrary: command.map((one) => [one]) },
    { weight: 1, arbitrary: early },
    { weight: 1, arbitrary: owned },
  );
  return fc
    .tuple(connecting(observer), fc.array(step, { maxLength: 40, size: "max" }))
    .map(([first, rest]) => [...first, ...rest.flat()]);
}

/** Where a run of commands stands: the same for all worlds. */
export class Script {
  readonly #worlds: readonly World[];
  readonly #connected = new Set<number>();
  readonly frames: Frame[] = [];
  readonly #answered = new Set<number>();
  #requests = 0;

  /** Requests turned down for the limit of explicit claims. */
  refused = 0;

  constructor(worlds: readonly World[]) {
    this.#worlds = worlds;
  }

  /** Carries a command out on every world; what makes no sense now is left out. */
  run(command: Command): void {
    switch (command.do) {
      case "connect":
        if (this.#connected.has(command.slot)) return;
        this.#connected.add(command.slot);
        return this.#all((world) => world.connect(command.slot, command.observer, command.device));
      case "close":
        if (!this.#connected.delete(command.slot)) return;
        return this.#all((world) => world.close(command.slot));
      case "begin": {
        if (!this.#connected.has(command.slot)) return;
        const id = (this.#requests += 1);
        const answers = this.#worlds.map((world) => world.begin(command.slot, id, command.intent));
        if (answers.includes(false)) this.refused += 1;
        if (new Set(answers).size > 1) throw new Error(`begin was answered ${answers.join(", ")}`);
        return;
      }
      case "answer": {
        const id = this.#requests - command.back;
        // The request path passes the first answer on and no other.
        if (this.#answered.has(id)) return;
        this.#answered.add(id);
        return this.#all((world) => world.answer(id, command.outcome));
      }
      case "emit": {
        const { route: own, sign: said, targets: chosen } = command;
        // Only an event of a run says something of it.
        const ofRun = own.to === "session" && own.runId !== undefined;
        const frame: Frame = { id: this.frames.length, route: own, sign: ofRun ? said : undefined, targets: chosen };
        this.frames.push(frame);
        return this.#all((world) => world.emit(frame));
      }
      case "turn":
        return this.#all((world) => world.turn());
      case "pass":
        return this.#all((world) => world.pass(command.ms));
      case "restart":
        this.#connected.clear();
        return this.#all((world) => world.restart());
    }
  }

  closeAll(): void {
    for (const each of this.#connected) this.run({ do: "close", slot: each });
  }

  #all(act: (world: World) => void): void {
    for (const world of this.#worlds) act(world);
  }
}
