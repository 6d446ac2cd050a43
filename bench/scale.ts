/** Part f: 1,000 to 10,000 connections and sessions in one process: what an event, a connection and a claim cost. */
import { broadcasterChunk } from "./broadcaster.ts";
import { type Fit, fitOf, type Point } from "./fit.ts";
import { interleave, type Measurements } from "./interleave.ts";
import type { Heap, MemoryVariant } from "./memory-child.ts";
import { measuredProcess } from "./processes.ts";
import { atMost, micros, type Options, type Part, progress, type Table, type Target, withSpread } from "./report.ts";
import type { ScaleVariant } from "./scale-child.ts";

const RELEASES = ["2026.9.6", "2026.5.7"];
const SIZES = [1000, 2500, 4000, 5500, 7000, 8500, 10_000];
/** Hash tables double: more points, so that the steps even out. */
const MEMORY_SIZES = Array.from({ length: 10 }, (_, index) => (index + 1) * 1000);
/** Events at each size, over all rounds. */
const EVENTS = 100_000;
/** A walk over all connections for an event would make it 1. */
const FLAT = 0.5;
/** The square would make it 2; hash tables that double in steps and caches that run full, some more than 1. */
const LINEAR = 1.2;
/** What all recipients together may take with the module, of what they take without it. */
const PER_RECIPIENT = 1;
/** Bytes that the module may add to a connection, and a claim on a session of its own to that. */
const CONNECTION_BYTES = 500;
const CLAIM_BYTES = 350;
/** Of heap: a table that doubles weighs more, the less there is next to it. */
const LINEAR_HEAP = 1.4;
const UNEXPLAINED = 0.1;
/** Of times, which a busy machine moves. */
const UNEXPLAINED_TIME = 0.2;

type Heaps = Record<MemoryVariant, Heap>;

export async function benchScale(options: Options): Promise<Part> {
  if (options.compact) return compactPart(await measureHeaps(await broadcasterChunk(RELEASES[0]!)));
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const version of options.quick ? RELEASES.slice(0, 1) : RELEASES) {
    const chunk = await broadcasterChunk(version);
    progress(`events over up to ${SIZES.at(-1)} sessions, ${version}`);
    const sessions = await overSessions(chunk, options);
    progress(`events of one session with up to ${SIZES.at(-1)} subscribers, ${version}`);
    const recipients = await overRecipients(chunk, options);
    progress(`heap of up to ${MEMORY_SIZES.at(-1)} connections, ${version}`);
    const heaps = await measureHeaps(chunk);
    tables.push(eventTable(version, sessions, recipients), ...heapTables(version, heaps));
    targets.push(...eventTargets(version, sessions, recipients), ...heapTargets(version, heaps));
  }
  return {
    id: "f",
    title: "The gateway's broadcaster with 1,000 to 10,000 stub connections, chat deltas of 300 bytes",
    tables,
    targets,
    notes: [
      `sessions: each connection claims a session of its own, events go over all of them in turn, at least ${EVENTS.toLocaleString("en")} at each size.`,
      "subscribers: all connections claim one session, which all events are of; half: every second one does. unprotected: the same events without the module.",
      "On 2026.9.6, both use the release's own check of each recipient (canReceiveSessionEvent), with an empty configuration and no profiles.",
      "Fits are least squares over all sizes; the exponent is that of the logarithms: 0 flat, 1 linear, 2 quadratic.",
      "Heap: in use after forced collection, each variant in a process of its own. The module's part of a connection is the difference to stub connections without it; of a claim, what the same process holds more once its connections have claimed.",
    ],
  };
}

/** Heap alone, which no noise moves: for CI. */
function compactPart(heaps: Heaps): Part {
  const version = RELEASES[0]!;
  const title = "Heap of connections and claims";
  return { id: "f", title, tables: heapTables(version, heaps), targets: heapTargets(version, heaps), notes: [] };
}

async function overSessions(chunk: readonly string[], { quick }: Options): Promise<Measurements> {
  const rounds = quick ? 10 : 30;
  const measured = await interleave({
    variants: [{ name: "sessions", script: "scale-child.ts", args: ["sessions", ...chunk] }],
    sizes: SIZES,
    generations: 1,
    rounds,
    events: Math.ceil(EVENTS / rounds),
    warmUpMs: 200,
    expected: () => 1,
  });
  return measured;
}

async function overRecipients(chunk: readonly string[], { quick }: Options): Promise<Measurements> {
  const names: readonly ScaleVariant[] = ["subscribers", "half", "unprotected"];
  return interleave({
    variants: names.map((name) => ({ name, script: "scale-child.ts", args: [name, ...chunk] })),
    sizes: SIZES,
    generations: 1,
    rounds: quick ? 12 : 30,
    events: quick ? 4 : 10,
    warmUpMs: 60,
    expected: (variant, size) => (variant === "half" ? size / 2 : size),
  });
}

async function measureHeaps(chunk: readonly string[]): Promise<Heaps> {
  const measure = (variant: MemoryVariant): Promise<Heap> => heapOf(variant, chunk);
  return {
    unprotected: await measure("unprotected"),
    module: await measure("module"),
    shared: await measure("shared"),
    own: await measure("own"),
    run: await measure("run"),
  };
}

async function heapOf(variant: MemoryVariant, chunk: readonly string[]): Promise<Heap> {
  await using running = await measuredProcess(new URL("memory-child.ts", import.meta.url), [
    variant,
    ...chunk,
    MEMORY_SIZES.join(","),
  ]);
  return (await running.next()) as Heap;
}

function pointsOf(measured: Measurements, variant: ScaleVariant): Point[] {
  return SIZES.map((size) => [size, measured.nanos(variant, size)]);
}

function eventTable(version: string, sessions: Measurements, recipients: Measurements): Table {
  const fits = [
    pointsOf(sessions, "sessions"),
    pointsOf(recipients, "subscribers"),
    pointsOf(recipients, "half"),
    pointsOf(recipients, "unprotected"),
  ].map((points) => fitOf(points));
  const row = (name: string, shown: (fit: Fit) => string) => [name, ...fits.map(shown), "", ""];
  return {
    title: `openclaw@${version}: µs an event, by connections`,
    columns: [
      "connections",
      "sessions",
      "subscribers",
      "half",
      "unprotected",
      "subscribers/unprotected",
      "half/unprotected",
    ],
    rows: [
      ...SIZES.map((size) => [
        size,
        micros(sessions.nanos("sessions", size)),
        micros(recipients.nanos("subscribers", size)),
        micros(recipients.nanos("half", size)),
        micros(recipients.nanos("unprotected", size)),
        withSpread(recipients, "subscribers", size, "unprotected"),
        withSpread(recipients, "half", size, "unprotected"),
      ]),
      row("fit: µs for 1,000 more", ({ slope }) => micros(slope * 1000)),
      row("fit: µs at 0", ({ intercept }) => micros(intercept)),
      row("fit: R²", ({ r2 }) => r2.toFixed(4)),
      row("exponent", ({ exponent }) => exponent.toFixed(3)),
    ],
  };
}

function eventTargets(version: string, sessions: Measurements, recipients: Measurements): Target[] {
  const subscribers = fitOf(pointsOf(recipients, "subscribers"));
  return [
    atMost(
      `${version}, sessions: exponent of the cost of an event`,
      fitOf(pointsOf(sessions, "sessions")).exponent,
      FLAT,
    ),
    atMost(`${version}, subscribers: exponent of the cost of an event`, subscribers.exponent, LINEAR),
    atMost(`${version}, subscribers: 1 - R² of the line`, 1 - subscribers.r2, UNEXPLAINED_TIME),
    atMost(
      `${version}, 10,000 subscribers, module/unprotected`,
      recipients.ratio("subscribers", 10_000, "unprotected"),
      PER_RECIPIENT,
    ),
  ];
}

/** What the module adds to a connection, and what a claim adds to that, by size. */
function heapSeries(heaps: Heaps): Record<"connection" | "sharedClaim" | "ownClaim" | "withRun", Point[]> {
  const points = (bytes: (at: number) => number): Point[] => MEMORY_SIZES.map((size, at) => [size, bytes(at)]);
  return {
    connection: points((at) => heaps.module.grown[at]! - heaps.unprotected.grown[at]!),
    sharedClaim: points((at) => heaps.shared.claimed[at]!),
    ownClaim: points((at) => heaps.own.claimed[at]!),
    withRun: points((at) => heaps.run.claimed[at]!),
  };
}

function heapTables(version: string, heaps: Heaps): Table[] {
  const { connection, sharedClaim, ownClaim, withRun } = heapSeries(heaps);
  const fits = [connection, sharedClaim, ownClaim, withRun].map((points) => fitOf(points));
  const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(0);
  const row = (name: string, shown: (fit: Fit) => string) => [name, ...fits.map(shown)];
  return [
    {
      title: `openclaw@${version}: kB that the module adds to the heap, by connections`,
      columns: [
        "connections",
        "connections",
        "+ a claim on one session",
        "+ a claim on its own session",
        "+ with a run",
      ],
      rows: [
        ...MEMORY_SIZES.map((size, at) => [
          size,
          ...[connection, sharedClaim, ownClaim, withRun].map((points) => kilobytes(points[at]![1])),
        ]),
        row("fit: bytes for each", ({ slope }) => slope.toFixed(0)),
        row("fit: R²", ({ r2 }) => r2.toFixed(4)),
        row("exponent", ({ exponent }) => exponent.toFixed(3)),
      ],
    },
  ];
}

function heapTargets(version: string, heaps: Heaps): Target[] {
  const { connection, sharedClaim, ownClaim } = heapSeries(heaps);
  const targets = Object.entries({
    connection,
    "claim on one session": sharedClaim,
    "claim on its own session": ownClaim,
  }).flatMap(([what, points]) => {
    const { exponent, r2 } = fitOf(points);
    return [
      atMost(`${version}, heap of a ${what}: exponent`, exponent, LINEAR_HEAP),
      atMost(`${version}, heap of a ${what}: 1 - R² of the line`, 1 - r2, UNEXPLAINED),
    ];
  });
  const { status, leftAgain, grown } = heaps.own;
  const kept = status ? status.connections + status.claims + status.sessions : Number.NaN;
  return [
    ...targets,
    atMost(`${version}, bytes of heap that the module adds to a connection`, fitOf(connection).slope, CONNECTION_BYTES),
    atMost(`${version}, bytes of heap of a claim on its own session`, fitOf(ownClaim).slope, CLAIM_BYTES),
    atMost(`${version}, connections, claims and sessions that are left when all have gone`, kept, 0),
    atMost(`${version}, heap that 10,000 more that came and went leave, of theirs`, leftAgain / grown.at(-1)!, 0.02),
  ];
}
