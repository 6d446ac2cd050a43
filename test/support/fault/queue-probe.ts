/**
 * Preload for a gateway under test: shows a test the queues of system events, and changes nothing.
 * `node --import` runs it as it is. It reads with the release's own functions, found as the module
 * finds them, by a hook and a symbol of its own.
 *
 * It answers `GET /` on 127.0.0.1 at the port in OPENCLAW_TEST_PROBE_PORT with a {@link ProbeReport}.
 */
import { createServer } from "node:http";
import { registerHooks } from "node:module";
import { isMainThread } from "node:worker_threads";

export interface ProbeReport {
  /** What waits, by session key. */
  readonly waiting: Readonly<Record<string, readonly string[]>>;
  /** What was taken out of a queue, in order. */
  readonly drained: readonly { readonly key: string; readonly text: string }[];
  /** What the module has counted of system events; empty without it. */
  readonly counted: Readonly<Record<string, number>>;
}

type Fn = (...args: unknown[]) => unknown;

const SYMBOL = "event-isolation.test.queue-probe";
const PEEKS = ["peekSystemEventEntries", "peekSystemEvents"];
const ENQUEUES = ["enqueueOwnedSystemEventEntry", "enqueueSystemEvent"];
const DRAINS = ["drainSystemEventsWith", "drainSystemEventEntries", "consumeSelectedSystemEventEntries"];
const NAMES = [...PEEKS, ...ENQUEUES, ...DRAINS];

const peeks = new Map<string, Fn[]>();
const keys = new Set<string>();
const drained: { key: string; text: string }[] = [];

/** The texts that wait under a key; none where the release refuses the key. */
function waiting(key: string): string[] {
  const name = PEEKS.find((each) => peeks.has(each)) ?? "";
  try {
    // Old releases ship copies of the module, each with queues of its own.
    return (peeks.get(name) ?? []).flatMap((peek) =>
      (peek(key) as (string | { text: string })[]).map((event) => (typeof event === "string" ? event : event.text)),
    );
  } catch {
    return [];
  }
}

/** What stands in for a function of the release; it calls the original and takes notes. */
function watched(name: string, original: Fn): Fn {
  if (PEEKS.includes(name)) {
    peeks.set(name, [...(peeks.get(name) ?? []), original]);
    return original;
  }
  if (ENQUEUES.includes(name)) {
    return (text, options, ...rest) => {
      keys.add(String((options as { sessionKey?: unknown } | undefined)?.sessionKey));
      return original(text, options, ...rest);
    };
  }
  return (key, ...rest) => {
    const before = waiting(String(key));
    const result = original(key, ...rest);
    const left = waiting(String(key));
    // One of these functions may call another, which has noted it then.
    const noted = new Set(drained.slice(-before.length).map(({ text }) => text));
    for (const text of before) {
      if (!left.includes(text) && !(name !== DRAINS[0] && noted.has(text))) drained.push({ key: String(key), text });
    }
    return result;
  };
}

function knownKeys(): string[] {
  const shared = (globalThis as Record<symbol, unknown>)[Symbol.for("openclaw.systemEvents.queues")];
  const shown = shared instanceof Map ? [...(shared as Map<string, unknown>).keys()] : [];
  // An event may have been put under another key than its own on the way.
  const mains = [...keys].map((key) => key.replace(/^(agent:[^:]+):.*/, "$1:main"));
  return [...new Set([...keys, ...shown, ...mains, "global"])];
}

interface Status {
  readonly gateway?: { readonly events: Readonly<Record<string, Readonly<Record<string, number>>>> };
}

function counted(): ProbeReport["counted"] {
  const isolation = (globalThis as Record<symbol, unknown>)[Symbol.for("openclaw-event-isolation")];
  return (isolation as { status(): Status } | undefined)?.status().gateway?.events["(system-event)"] ?? {};
}

const port = Number(process.env["OPENCLAW_TEST_PROBE_PORT"]);
if (port && isMainThread && process.argv[2] === "gateway") {
  Object.defineProperty(globalThis, Symbol.for(SYMBOL), { value: watched });
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (loaded.format !== "module" || !loaded.source || !/\/openclaw\/dist\/.+\.m?js$/.test(url)) return loaded;
      const source =
        typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
      const statements = NAMES.filter((name) => new RegExp(`^(?:export )?function ${name}\\(`, "m").test(source))
        .map((name) => `${name}=globalThis[Symbol.for("${SYMBOL}")]("${name}",${name});`)
        .join("");
      return statements === "" ? loaded : { ...loaded, source: statements + source };
    },
  });
  createServer((_, response) => {
    const report: ProbeReport = {
      waiting: Object.fromEntries(knownKeys().map((key) => [key, waiting(key)])),
      drained,
      counted: counted(),
    };
    // A connection that is kept may be closed just when a busy gateway is asked again.
    response.setHeader("connection", "close").setHeader("content-type", "application/json").end(JSON.stringify(report));
  })
    .listen(port, "127.0.0.1")
    .unref();
}
