/**
 * Preload for a gateway under test: lets a test look into the queues of system events, with the
 * release's own function for it, and changes nothing. `node --import` runs it as it is.
 *
 * It answers `GET /?key=…&key=…` on 127.0.0.1 at the port in OPENCLAW_TEST_PROBE_PORT with what
 * waits under each key.
 */
import { createServer } from "node:http";
import { registerHooks } from "node:module";
import { isMainThread } from "node:worker_threads";

type Peek = (sessionKey: string) => readonly (string | { readonly text: string })[];

const SYMBOL = "event-isolation.test.queue-probe";
const NAMES = ["peekSystemEventEntries", "peekSystemEvents"] as const;
const peeks: Record<string, Peek[]> = {};

/** The texts that wait under a key; null where the release refuses the key. */
function waiting(key: string): string[] | null {
  const name = NAMES.find((each) => peeks[each]);
  try {
    // Old releases ship copies of the module, each with queues of its own.
    return (peeks[name ?? ""] ?? []).flatMap((peek) =>
      peek(key).map((event) => (typeof event === "string" ? event : event.text)),
    );
  } catch {
    return null;
  }
}

const port = Number(process.env["OPENCLAW_TEST_PROBE_PORT"]);
const isGateway = isMainThread && process.argv[2] === "gateway";
if (port && isGateway) {
  Object.defineProperty(globalThis, Symbol.for(SYMBOL), {
    value: (name: string, peek: Peek) => (peeks[name] ??= []).push(peek),
  });
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (loaded.format !== "module" || !loaded.source || !/\/openclaw\/dist\/[^/]+\.m?js$/.test(url)) return loaded;
      const source =
        typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
      const found = NAMES.filter((name) => source.includes(`\nfunction ${name}(`));
      if (found.length === 0) return loaded;
      const tell = found.map((name) => `globalThis[Symbol.for("${SYMBOL}")]("${name}",${name});`).join("");
      return { ...loaded, source: tell + source };
    },
  });
  createServer((request, response) => {
    const keys = new URL(request.url ?? "/", "http://probe").searchParams.getAll("key");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(Object.fromEntries(keys.map((key) => [key, waiting(key)]))));
  })
    .listen(port, "127.0.0.1")
    .unref();
}
