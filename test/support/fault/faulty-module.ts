/**
 * Preload for a gateway under test: makes the module's own functions throw at random. `node --import`
 * runs it as it is, before the module, whose files it changes while they load: there is no trace of it in
 * what ships.
 *
 * On 127.0.0.1 at the port in OPENCLAW_TEST_FAULTS_PORT, `GET /?rate=0.05` sets the probability of each
 * call's failure, 0 at first, and answers with the number of {@link Thrown} so far.
 */
import { createServer } from "node:http";
import { registerHooks } from "node:module";
import { isMainThread } from "node:worker_threads";
import { Random } from "../../../scripts/fuzz/random.ts";

/**
 * Functions by the file that declares them, `Class.method` for methods. Without those that only add to a
 * set or count, which nothing could stand in for: `Claims.setRoster`, the counters.
 */
export const FAULTY: Readonly<Record<string, readonly string[]>> = {
  "policy/claim-intent.js": ["claimIntent"],
  "policy/session-event.js": ["routeEvent", "plainKey"],
  "policy/session-key.js": ["usableSessionKey", "parseAgentSessionKey"],
  "policy/delivery.js": ["recipients", "mayReceive"],
  "policy/connection-match.js": ["matchesConnection", "isObserver"],
  "policy/access.js": ["accessOf"],
  "policy/session-keys-in.js": ["findSessionKeys", "sessionKeysIn"],
  "policy/cron-keys.js": ["isCronRunSessionKey"],
  "policy/wake-target.js": ["canonicalizeWakeSessionKey"],
  "policy/claims.js": [
    "Claims.connect",
    "Claims.disconnect",
    "Claims.entitle",
    "Claims.begin",
    "Claims.unclaim",
    "Claims.end",
  ],
  "policy/held-frames.js": ["HeldFrames.hold", "HeldFrames.review", "HeldFrames.forget"],
  "policy/heartbeat.js": [
    "HeartbeatPolicy.decide",
    "HeartbeatPolicy.runActive",
    "HeartbeatPolicy.runSeen",
    "HeartbeatPolicy.runEnded",
    "HeartbeatPolicy.isActive",
    "HeartbeatPolicy.preempted",
    "HeartbeatPolicy.completed",
  ],
  "gateway/connection-facts.js": ["connectionFacts"],
  "gateway/session-keys.js": ["SessionKeys.refresh"],
  "heartbeats/release.js": ["abortsHeartbeatsItself", "heartbeatSessions", "giveBackEvents"],
};

/** Failures so far, by function. */
export type Thrown = Readonly<Record<string, number>>;

type Fn = (this: unknown, ...args: unknown[]) => unknown;

const SYMBOL = "event-isolation.test.faulty-module";

const port = Number(process.env["OPENCLAW_TEST_FAULTS_PORT"]);
if (port && isMainThread && process.argv[2] === "gateway") {
  const random = new Random(Number(process.env["OPENCLAW_TEST_FAULTS_SEED"]));
  const thrown: Record<string, number> = {};
  let rate = 0;
  const faulty = (name: string, original: Fn): Fn =>
    function (this: unknown, ...args) {
      if (rate > 0 && random.chance(rate)) {
        thrown[name] = (thrown[name] ?? 0) + 1;
        throw new Error(`fault injected into ${name}`);
      }
      return Reflect.apply(original, this, args);
    };
  Object.defineProperty(globalThis, Symbol.for(SYMBOL), { value: faulty });
  const dist = new URL("../../../dist/", import.meta.url).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const names = url.startsWith(dist) ? FAULTY[url.slice(dist.length)] : undefined;
      if (!names || !loaded.source) return loaded;
      const text =
        typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
      const statements = names.map((name) => {
        const [owner, method] = name.split(".");
        const target = method === undefined ? name : `${owner}.prototype.${method}`;
        return `${target}=globalThis[Symbol.for("${SYMBOL}")]("${name}",${target});`;
      });
      return { ...loaded, source: `${text}\n;${statements.join("")}` };
    },
  });
  createServer((request, response) => {
    const asked = new URL(request.url ?? "/", "http://localhost").searchParams.get("rate");
    if (asked !== null) rate = Number(asked);
    response.setHeader("connection", "close").setHeader("content-type", "application/json").end(JSON.stringify(thrown));
  })
    .listen(port, "127.0.0.1")
    .unref();
}
