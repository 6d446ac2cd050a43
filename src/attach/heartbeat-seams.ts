/** What is lost with each function of the heartbeat seams that a release does not have. */
import { declaredNames } from "./loader.ts";

interface HeartbeatSeam {
  /** Any one of them will do. */
  readonly functions: readonly string[];
  /** What the module then does not do. */
  readonly without: string;
  /** Not needed on a release that has this one. */
  readonly unless?: string;
}

/** From 2026.8 the release aborts heartbeats for users itself. */
const ABORTS_ITSELF = "preemptAndDrainEmbeddedHeartbeatRun";

const HEARTBEAT_SEAMS: readonly HeartbeatSeam[] = [
  { functions: ["runHeartbeatOnce"], without: "they run as OpenClaw has them, beside users' runs too" },
  { functions: ["setHeartbeatWakeHandler"], without: "their intervals are not told at start" },
  { functions: ["resolveHeartbeatAgents"], without: "their intervals are not told at start" },
  { functions: ["resolveHeartbeatIntervalMs"], without: "their intervals are not told at start" },
  { functions: ["resolveHeartbeatSession"], without: "they are taken to run on the session they name, or on main" },
  { functions: ["onAgentEvent"], without: "runs that no client's request started do not delay them" },
  { functions: ["enqueueCommandInLane"], without: "a run that waits behind one may be taken for it" },
  { functions: ["setActiveEmbeddedRun"], without: "a user's message waits for them", unless: ABORTS_ITSELF },
  { functions: ["clearActiveEmbeddedRun"], without: "one that has ended may be run again", unless: ABORTS_ITSELF },
  {
    functions: ["getReplyFromConfig"],
    without: "a channel's message does not abort them, and an aborted one may repeat a reply",
    unless: ABORTS_ITSELF,
  },
  {
    functions: ["drainSystemEventEntries", "consumeSelectedSystemEventEntries"],
    without: "the events of an aborted one are lost",
    unless: ABORTS_ITSELF,
  },
  { functions: ["enqueueSystemEvent"], without: "the events of an aborted one are lost", unless: ABORTS_ITSELF },
];

const HEARTBEAT_FUNCTIONS: readonly string[] = [
  ABORTS_ITSELF,
  ...HEARTBEAT_SEAMS.flatMap(({ functions }) => functions),
];

/**
 * The lines to log for what a release does not have.
 *
 * @param found names of the functions that the release declares
 */
export function missingHeartbeatSeams(found: ReadonlySet<string>): readonly string[] {
  return HEARTBEAT_SEAMS.filter(
    ({ functions, unless }) =>
      !functions.some((name) => found.has(name)) && !(unless !== undefined && found.has(unless)),
  ).map(({ functions, without }) => `heartbeats: ${functions.join(" or ")} not found, so ${without}`);
}

/**
 * The same for an installed release: what has not been loaded yet may be declared all the same.
 *
 * @param root the release's package
 * @param attached functions of modules that were loaded
 * @throws {Error} if the package has no readable dist folder
 */
export async function lookForHeartbeatSeams(root: string, attached: ReadonlySet<string>): Promise<readonly string[]> {
  if (missingHeartbeatSeams(attached).length === 0) return [];
  const others = HEARTBEAT_FUNCTIONS.filter((name) => !attached.has(name));
  return missingHeartbeatSeams(new Set([...attached, ...(await declaredNames(root, others))]));
}
