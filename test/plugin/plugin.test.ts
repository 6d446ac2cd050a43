import { afterEach, expect, test, vi } from "vitest";
import plugin from "../../src/plugin.ts";
import type { PluginApi } from "../../src/plugin/api.ts";
import { askGateway } from "../../src/plugin/ask-gateway.ts";
import { ISOLATION_SYMBOL, type IsolationStatus } from "../../src/status.ts";

const KEY = Symbol.for(ISOLATION_SYMBOL);
const argv = process.argv;

afterEach(() => {
  process.argv = argv;
  Reflect.deleteProperty(globalThis, KEY);
  vi.restoreAllMocks();
});

const STATUS = {
  attached: true,
  seams: [],
  settings: { scope: "run", observers: [{ mode: "ui" }] },
  sessionKeys: [{ key: "agent:main:x", claimers: 1 }],
};

/** An API as 2026.2 has it, which keeps what is registered; members of `more` come on top. */
function register(more: Partial<PluginApi> = {}) {
  const methods = new Map<string, Parameters<PluginApi["registerGatewayMethod"]>[1]>();
  const services: { start(): void }[] = [];
  plugin.register({
    source: "/state/extensions/event-isolation/dist/plugin.js",
    config: {},
    get runtime(): never {
      throw new Error("no runtime while metadata are collected");
    },
    registerGatewayMethod: (name, handler) => void methods.set(name, handler),
    registerCli: () => {},
    registerService: (service) => void services.push(service),
    ...more,
  });
  const status = (scopes?: string[]) => {
    const answers: unknown[][] = [];
    methods.get("isolation.status")!({
      client: scopes ? { connect: { scopes } } : null,
      respond: (...answer) => answers.push(answer),
    });
    expect(answers).toHaveLength(1);
    return answers[0]!;
  };
  return { status, services };
}

function exits() {
  const ended = vi.spyOn(process, "exit").mockImplementation((code) => {
    throw new Error(`exit ${code}`);
  });
  vi.spyOn(console, "warn").mockImplementation(() => {});
  return ended;
}

test("session keys and lists of settings are shown to operator.admin only", () => {
  Object.defineProperty(globalThis, KEY, { value: { status: () => STATUS }, configurable: true });
  const { status } = register();
  expect(status(["operator.admin"])).toEqual([true, STATUS]);
  const less = { attached: true, seams: [], settings: { scope: "run" } };
  for (const scopes of [["operator.read"], ["operator.write", "operator.admins"], [], undefined]) {
    expect(status(scopes)).toEqual([true, less]);
  }
});

test("the status method reports a missing module and answers a failing one with an error, not a throw", () => {
  const { status } = register();
  expect(status(["operator.admin"])).toMatchObject([true, { attached: false, seams: [] }]);
  const fails = () => {
    throw new Error("broken");
  };
  Object.defineProperty(globalThis, KEY, { value: { status: fails }, configurable: true });
  expect(status(["operator.admin"])).toMatchObject([false, undefined, { code: "UNAVAILABLE" }]);
});

test.each([
  [["gateway", "run"], "full", true],
  [["gateway", "run"], undefined, true],
  [["gateway"], "full", true],
  [["--profile", "dev", "gateway", "--port", "1"], "full", true],
  [["gateway", "run"], "discovery", false],
  [["gateway", "status"], "full", false],
  [["gateway", "call", "isolation.status"], undefined, false],
  [["status"], undefined, false],
  [["onboard"], undefined, false],
  [[], undefined, false],
  [["plugins", "install", "x"], undefined, false],
])("a plugin registered under %j as %s ends the process at once: %s", (args, registrationMode, ends) => {
  process.argv = ["node", "openclaw.mjs", ...args];
  const ended = exits();
  const start = () => register(registrationMode === undefined ? {} : { registrationMode });
  if (ends) expect(start).toThrow("exit 78");
  else expect(start).not.toThrow();
  expect(ended).toHaveBeenCalledTimes(ends ? 1 : 0);
});

test("a gateway that its command line does not show ends when its services start, unless it is attached", () => {
  process.argv = ["node", "openclaw.mjs", "onboard"];
  exits();
  const [service] = register().services;
  expect(() => service!.start()).toThrow("exit 78");
  Object.defineProperty(globalThis, KEY, { value: { status: () => STATUS }, configurable: true });
  expect(() => service!.start()).not.toThrow();
});

test("a gateway that has long been running, or is allowed to, goes on with a warning", () => {
  process.argv = ["node", "openclaw.mjs", "gateway", "run"];
  const ended = exits();
  const config = { plugins: { entries: { "event-isolation": { config: { onMissingPreload: "warn" } } } } };
  register({ config });
  vi.spyOn(process, "uptime").mockReturnValue(301);
  register();
  expect(ended).not.toHaveBeenCalled();
  expect(vi.mocked(console.warn).mock.calls.map(([text]) => /RUNS UNPROTECTED[^.]*/i.exec(String(text))![0])).toEqual([
    'runs UNPROTECTED because onMissingPreload is "warn"',
    "runs UNPROTECTED until its next start",
  ]);
});

test.each([
  [`note\n${JSON.stringify(STATUS, null, 2)}\n`, "", { status: STATUS as unknown as IsolationStatus }],
  ["", "config: fine\nGateway call failed: Error: gateway closed (1006)\n", "gateway closed (1006)"],
  [`{"ok": false, "error": {"message": "Gateway not reachable at ws://x"}}`, "", "Gateway not reachable at ws://x"],
  ["", "Error: unknown method: isolation.status", "has not loaded the plugin"],
  ["{ broken", "", "{ broken"],
  ["", "", "no output"],
])("what `gateway call` prints, %j and %j, is read as a status or one line", async (stdout, stderr, expected) => {
  const system = { runCommandWithTimeout: async () => ({ stdout, stderr, code: 0 }) };
  const answer = await askGateway({ system });
  if (typeof expected !== "string") return expect(answer).toEqual(expected);
  expect(answer).toEqual({ problem: expect.stringContaining(expected) as string });
  return expect((answer as { problem: string }).problem).not.toContain("\n");
});
