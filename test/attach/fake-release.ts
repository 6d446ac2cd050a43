/** A temporary package named openclaw, run in real processes with the built module preloaded. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROGRAM_MS } from "../support/within.ts";

const REPOSITORY = join(import.meta.dirname, "../..");

/** A faithful broadcaster in a few lines: a count for each connection. */
export const BROADCASTER = `function createGatewayBroadcaster(params) {
  const mark = "the release's own";
  const counts = new Map();
  const send = (event, payload, ids) => {
    for (const client of params.clients) {
      if (ids && !ids.has(client.connId)) continue;
      const seq = (counts.get(client) ?? 0) + 1;
      counts.set(client, seq);
      client.socket.send(JSON.stringify({ type: "event", event, payload, seq }));
    }
  };
  return {
    broadcast: (event, payload) => send(event, payload),
    broadcastToConnIds: (event, payload, ids) => send(event, payload, ids),
  };
}
`;

export const REQUESTS = `async function handleGatewayRequest(opts) {
  const mark = "the release's own";
  opts.respond(true, { runId: opts.req.id });
}
`;

export const CONFIG = `function getRuntimeConfig() {
  return globalThis.testConfig ?? {};
}
`;

/** As bundlers write it: all of them in one chunk, exported under short names at its end. */
export const CHUNK = `${BROADCASTER}${REQUESTS}${CONFIG}export { createGatewayBroadcaster as t, handleGatewayRequest as n, getRuntimeConfig as r };\n`;

/** Says on stdout what it is told to, one JSON a line. */
export const SAY = `const say = (value) => console.log(JSON.stringify(value));\n`;

/** Says so when it listens, and when it is ended while its port is bound. */
export const LISTEN = `import { createServer } from "node:net";
const server = createServer();
process.on("exit", () => { if (server.address()) console.log("bound"); });
server.listen(0, "127.0.0.1", () => {
  console.log("listening");
  server.close();
});
`;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Each line of stdout, parsed. */
  readonly said: readonly unknown[];
}

export class Built {
  readonly #folder: string;
  #releases = 0;

  /** Builds the package as `npm run build` does, next to the real one, which others may be using. */
  constructor() {
    this.#folder = realpathSync(mkdtempSync(join(tmpdir(), "isolation-loader-")));
    writeFileSync(
      join(this.#folder, "package.json"),
      JSON.stringify({ name: "openclaw-event-isolation", type: "module" }),
    );
    try {
      execFileSync("npm", ["run", "--silent", "build", "--", "--outDir", join(this.#folder, "dist")], {
        cwd: REPOSITORY,
        timeout: PROGRAM_MS,
      });
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** What `--import` is given. */
  get register(): string {
    return pathToFileURL(join(this.#folder, "dist/register.js")).href;
  }

  /** @param files by path in the package; `openclaw.mjs` is the entry */
  release(
    files: Readonly<Record<string, string>>,
    manifest: object = { name: "openclaw", version: "0.0.0-test" },
  ): Release {
    const root = join(this.#folder, "releases", String((this.#releases += 1)), "openclaw");
    for (const [path, text] of Object.entries({ "package.json": JSON.stringify(manifest), ...files })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return new Release(root, this.register);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Node's own flags; the preload unless told otherwise. */
  readonly node?: readonly string[];
  /** The Node; by default the one of this process. */
  readonly program?: string | undefined;
}

export class Release {
  readonly root: string;
  readonly #register: string;

  constructor(root: string, register: string) {
    this.root = root;
    this.#register = register;
  }

  /** Writes a file next to the package. */
  file(name: string, text: string): string {
    const path = join(dirname(this.root), name);
    writeFileSync(path, text);
    return path;
  }

  run(options: RunOptions = {}): Promise<Ended> {
    const node = options.node ?? [`--import=${this.#register}`];
    const args = [...node, join(this.root, "openclaw.mjs"), ...(options.args ?? ["gateway", "run"])];
    return runNode(args, options.env, options.program);
  }
}

/** The exit code is -1 for a process that was killed. */
export function runNode(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  program = process.execPath,
): Promise<Ended> {
  const { NODE_OPTIONS: _, OPENCLAW_EVENT_ISOLATION_CONFIG: __, ...inherited } = process.env;
  return new Promise((resolve) => {
    execFile(program, args, { env: { ...inherited, ...env }, timeout: 20_000 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === "number" ? error.code : -1) : 0;
      const said = stdout
        .split("\n")
        .filter((line) => /^[[{"\w]/.test(line))
        .map(parsed);
      resolve({ code, stdout, stderr, said });
    });
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
