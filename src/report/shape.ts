/**
 * The report of a probe or a demo: one shape for `--json` and for the HTML page.
 *
 * Times are milliseconds, sizes are bytes of the frame's JSON text. All texts may come from a
 * gateway: whoever shows them escapes them.
 */

/** Grows when a field changes its meaning or goes; new fields do not count. */
export const REPORT_VERSION = 1;

export interface ProbeReport {
  readonly kind: "openclaw-event-isolation/report";
  readonly version: typeof REPORT_VERSION;
  /** What made it: `probe` or `demo`. */
  readonly made: "probe" | "demo";
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** One line: what was found. */
  readonly summary: string;
  /** One for a probe; the control gateway and one with the module for the demo. */
  readonly gateways: readonly GatewayReport[];
}

/** `leak`: a frame went to a connection that had not asked for its session. */
export type Verdict = "leak" | "no leak" | "inconclusive";

export interface GatewayReport {
  /** The address that was probed, or what the demo calls this gateway. */
  readonly label: string;
  /** OpenClaw's version as the gateway tells it. */
  readonly release: string;
  /** `exchange`: runs of our own; `passive`: only what happened to be sent. */
  readonly mode: "exchange" | "passive";
  readonly durationMs: number;
  readonly verdict: Verdict;
  /** Why that verdict, the most important first. */
  readonly reasons: readonly string[];
  readonly connections: readonly ConnectionReport[];
  readonly sessions: readonly SessionReport[];
  /** What each connection got of each session; pairs with nothing in them are left out. */
  readonly deliveries: readonly Delivery[];
  /** Every frame of a session in the order of arrival, as far as there is room. */
  readonly timeline: readonly TimelineFrame[];
  /** Frames that found no room in `timeline`; the counts hold them. */
  readonly timelineDropped: number;
  readonly checks: readonly Check[];
  /** What `isolation.status` answered, if the gateway has it. */
  readonly status?: unknown;
  /** Sessions and files that the probe could not remove. */
  readonly leftBehind: readonly string[];
}

export interface ConnectionReport {
  readonly name: string;
  /** What it asked for, in a few words. */
  readonly asked: string;
  readonly scopes: readonly string[];
  readonly caps: readonly string[];
  /** All frames of the connection, those of no session included. */
  readonly frames: number;
  readonly bytes: number;
  /** Numbers that are missing between two frames, and frames that go back or repeat. */
  readonly gaps: number;
  readonly repeats: number;
}

export interface SessionReport {
  readonly name: string;
  /** Empty for the one row of all sessions that are not the probe's. */
  readonly key: string;
  readonly runIds: readonly string[];
}

/**
 * - `own`: the connection had asked for the session when the frame came
 * - `foreign`: it had not: a leak
 * - `roster`: a row of the list of sessions, at a connection that asked for the list
 * - `named`: it names the session's key where a gateway names sessions to everybody, and holds nothing else of it
 */
export type Standing = "own" | "foreign" | "roster" | "named";

/** By what a frame was recognised as one of a session. */
export type Evidence = "session key" | "run id" | "text" | "event";

export interface Delivery {
  /** Index into `sessions`. */
  readonly session: number;
  /** Index into `connections`. */
  readonly connection: number;
  readonly event: string;
  readonly standing: Standing;
  readonly frames: number;
  readonly bytes: number;
  readonly by: readonly Evidence[];
  /** Where in the frames it was found, as far as there is room: `payload.rows[].key`. */
  readonly paths: readonly string[];
}

export interface TimelineFrame {
  /** Since the start of the probe. */
  readonly atMs: number;
  readonly session: number;
  readonly connection: number;
  readonly event: string;
  readonly bytes: number;
  readonly standing: Standing;
}

export interface Check {
  readonly name: string;
  readonly result: "pass" | "fail" | "unknown";
  readonly detail: string;
}

/** Frames and bytes of one session at one connection, by standing. */
export interface Cell {
  readonly frames: Readonly<Record<Standing, number>>;
  readonly bytes: Readonly<Record<Standing, number>>;
}

/** Sums up one cell of the leak matrix. */
export function cellOf(gateway: GatewayReport, session: number, connection: number): Cell {
  const frames = { own: 0, foreign: 0, roster: 0, named: 0 };
  const bytes = { ...frames };
  for (const each of gateway.deliveries) {
    if (each.session !== session || each.connection !== connection) continue;
    frames[each.standing] += each.frames;
    bytes[each.standing] += each.bytes;
  }
  return { frames, bytes };
}

/** Sums over all deliveries of one standing. */
export function totalOf(gateway: GatewayReport, standing: Standing): { frames: number; bytes: number } {
  const some = gateway.deliveries.filter((each) => each.standing === standing);
  return {
    frames: some.reduce((sum, { frames }) => sum + frames, 0),
    bytes: some.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Bytes for people: `812 B`, `9.8 kB`, `2.1 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1_000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** Control characters but line breaks, and those that turn the direction of writing. */
const DECEPTIVE = /[^\P{Cc}\n\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A gateway's text without the characters that would make a screen show another text than there is. */
export function honest(text: string): string {
  return text.toWellFormed().replaceAll(DECEPTIVE, "\ufffd");
}
