/**
 * Preload for a gateway under test: the module, and around it one defect, of which there is no
 * trace in what ships. `node --import` runs it as it is.
 *
 * The file in OPENCLAW_TEST_DEFECT names the defect, and may change while the gateway runs.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { isMainThread } from "node:worker_threads";

/**
 * - `agent events go to all`: the broadcaster is attached for all events but one
 * - `cron and task events go to all`: the same for the events of jobs
 * - `targeted events pass`: what the gateway sends to chosen connections is not filtered
 * - `leaving is ignored`: the request to leave does not reach the module
 * - `one's claim is everybody's`: a message claims its session for all connections
 */
export const DEFECTS = [
  "agent events go to all",
  "cron and task events go to all",
  "targeted events pass",
  "leaving is ignored",
  "one's claim is everybody's",
] as const;
export type Defect = (typeof DEFECTS)[number];

type Fn = (...args: unknown[]) => unknown;
type Client = { readonly connId: string };
interface Request {
  /** Ours: the module sees this request, the gateway does not. */
  readonly claimOnly?: true;
  respond(ok: boolean, payload: unknown): void;
  readonly req: { readonly method: string; readonly params?: { readonly sessionKey?: unknown } };
  readonly client?: Client;
}

const SYMBOL = "event-isolation.test.broken-policy";
const clients = new Set<Iterable<Client>>();

function defect(): string {
  return readFileSync(process.env["OPENCLAW_TEST_DEFECT"]!, "utf8");
}

function isLoose(event: unknown, name: string): boolean {
  if (name === "agent events go to all") return event === "agent";
  return name === "cron and task events go to all" && (event === "cron" || event === "task");
}

/** What the module takes for the release's own function. */
const within: Readonly<Record<string, (published: Fn) => Fn>> = {
  handleGatewayRequest:
    (published) =>
    (opts, ...rest) => {
      if (!(opts as Request).claimOnly) return published(opts, ...rest);
      (opts as Request).respond(true, {});
      return Promise.resolve();
    },
};

/** What stands around the module's own replacement of a function; `published` is the release's. */
const broken: Readonly<Record<string, (published: Fn, scoped: Fn) => Fn>> = {
  createGatewayBroadcaster: (published, scoped) => (params) => {
    clients.add((params as { clients: Iterable<Client> }).clients);
    const [open, own] = [published(params) as Record<string, Fn>, scoped(params) as Record<string, Fn>];
    return {
      ...own,
      broadcast: (event: unknown, ...rest: unknown[]) =>
        (isLoose(event, defect()) ? open : own)["broadcast"]!(event, ...rest),
      broadcastToConnIds: (...args: unknown[]) =>
        (defect() === "targeted events pass" ? open : own)["broadcastToConnIds"]!(...args),
    };
  },
  handleGatewayRequest:
    (published, scoped) =>
    async (opts, ...rest) => {
      const { req, client } = opts as Request;
      if (req.method === "sessions.messages.unsubscribe" && defect() === "leaving is ignored") {
        return published(opts, ...rest);
      }
      if (req.method === "chat.send" && defect() === "one's claim is everybody's") {
        const ask = { ...req, method: "chat.history", params: { sessionKey: req.params?.sessionKey, limit: 1 } };
        for (const each of [...clients].flatMap((some) => [...some])) {
          if (each.connId === client?.connId) continue;
          await scoped({ ...(opts as Request), req: ask, client: each, respond: () => undefined, claimOnly: true });
        }
      }
      return scoped(opts, ...rest);
    },
};

if (isMainThread && process.argv[2] === "gateway") {
  await import(new URL("../../../dist/register.js", import.meta.url).href);
  Object.defineProperty(globalThis, Symbol.for(SYMBOL), {
    value: (name: string, published: Fn, scoped?: Fn) =>
      scoped ? broken[name]!(published, scoped) : (within[name]?.(published) ?? published),
  });
  // Registered after the module's: in front of its statements, and at the end of the chunk behind them.
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (loaded.format !== "module" || !loaded.source || !/\/openclaw\/dist\/.+\.m?js$/.test(url)) return loaded;
      const source =
        typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
      const names = Object.keys(broken).filter((name) =>
        new RegExp(`^.*[;\\n](?:async )?function ${name}\\(`, "m").test(`\n${source}`),
      );
      if (names.length === 0) return loaded;
      const call = `globalThis[Symbol.for("${SYMBOL}")]`;
      const before = names.map((name) => `var published_${name}=${name};${name}=${call}("${name}",${name});`).join("");
      const after = names.map((name) => `${name}=${call}("${name}",published_${name},${name});`).join("");
      return { ...loaded, source: `${before}${source}\n;${after}` };
    },
  });
}
