/** The side of a measured process: builds worlds of some size and times events in them. */

/** A size, and how many events to send or for how long. */
export type Order = { readonly size: number; readonly millis?: number; readonly events?: number };

export type Sample = { readonly events: number; readonly nanos: number; readonly frames: number };

export type World = {
  /** Handles that many events. */
  emit(events: number): void;
  /** Frames sent so far. */
  frames(): number;
};

type Built = World & { estimate: number };

const MIN_EVENTS = 2;

/** Answers the orders of the parent process. Call it when everything is loaded. */
export function serve(build: (size: number) => World): void {
  const worlds = new Map<number, Built>();
  const worldOf = (size: number): Built => {
    let world = worlds.get(size);
    if (!world) worlds.set(size, (world = { ...build(size), estimate: 0 }));
    return world;
  };
  process.on("message", ({ size, millis = 0, events }: Order) => {
    const world = worldOf(size);
    if (world.estimate === 0) estimate(world, millis);
    globalThis.gc?.({ type: "minor" });
    process.send?.(time(world, events ?? Math.max(MIN_EVENTS, Math.round((millis * 1e6) / world.estimate))));
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.("ready");
}

/** Doubles the number of events until they take long enough to be timed. Warms up, too. */
function estimate(world: Built, millis: number): void {
  for (let events = MIN_EVENTS; ; events *= 2) {
    const { nanos } = time(world, events);
    world.estimate = Math.max(nanos / events, 1);
    if (nanos > millis * 1e6) return;
  }
}

/** In CPU time of this thread: what else runs on the machine is not in it, and collections by helper threads are not. */
function time(world: World, events: number): Sample {
  const before = world.frames();
  const start = threadMicros();
  world.emit(events);
  return { events, nanos: (threadMicros() - start) * 1000, frames: world.frames() - before };
}

/**
 * Linux counts up a thread's time at its clock ticks only, which are up to 4 ms apart: a round of
 * 5 ms could last 0. Asking for the time of the process first makes it count to this moment.
 */
function threadMicros(): number {
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
