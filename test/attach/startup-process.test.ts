/** What a gateway may start with, in real processes: missing seams, settings, and its children. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { BROADCASTER, Built, CHUNK, CONFIG, LISTEN, type Release, REQUESTS, SAY } from "./fake-release.ts";

vi.setConfig({ testTimeout: 30_000 });

let built: Built;

beforeAll(() => {
  built = new Built();
}, 60_000);

afterAll(() => built?.remove());

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");
const settingsOf = (release: Release, text: string): { OPENCLAW_EVENT_ISOLATION_CONFIG: string } => ({
  OPENCLAW_EVENT_ISOLATION_CONFIG: release.file("settings.json", text),
});

describe("a release without the seams of heartbeats", () => {
  const MISSING = "heartbeats: runHeartbeatOnce not found, so heartbeats run as in OpenClaw";

  test("a release without heartbeat seams starts, logs one line for each, and lists them in its status", async () => {
    const release = built.release({
      "dist/chunk-abc.mjs": CHUNK,
      // The look comes some seconds after the start.
      "openclaw.mjs": `${SAY}const { setTimeout: later } = globalThis;
globalThis.setTimeout = (action, ms) => later(action, Math.min(ms, 100));
const { t } = await import("./dist/chunk-abc.mjs");
const missing = () => globalThis[Symbol.for("openclaw-event-isolation")].status().heartbeats.missing;
t({ clients: new Set() });
t({ clients: new Set() });
say(missing() ?? "not looked yet");
await new Promise((resolve) => later(resolve, 1_000));
say(missing());`,
    });
    const { code, stderr, said } = await release.run();
    expect(code).toBe(0);
    const lines = linesOf(stderr).filter((line) => line.includes("heartbeats: "));
    expect(said).toEqual(["not looked yet", lines.map((line) => line.replace("[event-isolation] ", ""))]);
    expect(lines.filter((line) => line.includes(MISSING))).toHaveLength(1);
    expect(lines.length).toBeLessThanOrEqual(12);
  });
});

describe("a release without a required seam", () => {
  let release: Release;

  beforeAll(() => {
    release = built.release({
      "dist/chunk-abc.mjs": `${REQUESTS}${CONFIG}export { handleGatewayRequest as n, getRuntimeConfig as r };`,
      "openclaw.mjs": `import "./dist/chunk-abc.mjs";\n${LISTEN}`,
    });
  });

  test("a release without a required seam exits with 78 and one message that names the seam, the release and the way out", async () => {
    const { code, stdout, stderr } = await release.run();
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    const [message, ...more] = linesOf(stderr);
    expect(more).toEqual([]);
    for (const part of [
      '"broadcast"',
      "createGatewayBroadcaster",
      "0.0.0-test",
      'onMissingSeam to "warn"',
      "start without it",
    ]) {
      expect(message).toContain(part);
    }
    expect(message).not.toContain("handleGatewayRequest");
  });

  test("a release without a required seam listens with a warning if the settings file allows it", async () => {
    const { code, stdout, stderr } = await release.run({ env: settingsOf(release, '{"onMissingSeam":"warn"}') });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "listening\n" });
    expect(linesOf(stderr)).toHaveLength(1);
    for (const part of ['"broadcast"', "0.0.0-test", "UNPROTECTED"]) expect(stderr).toContain(part);
  });

  test("a release without a required seam listens with a warning if the gateway's configuration allows it", async () => {
    const config = { plugins: { entries: { "event-isolation": { config: { onMissingSeam: "warn" } } } } };
    const configured = built.release({
      "dist/chunk-abc.mjs": `globalThis.testConfig = ${JSON.stringify(config)};\n${REQUESTS}${CONFIG}`,
      "openclaw.mjs": `import "./dist/chunk-abc.mjs";\n${LISTEN}`,
    });
    const { code, stdout, stderr } = await configured.run();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "listening\n" });
    expect(stderr).toContain("UNPROTECTED");
  });

  test("a release without a required seam warns once, however often it listens", async () => {
    const twice = built.release({
      "dist/chunk-abc.mjs": `${REQUESTS}${CONFIG}`,
      "openclaw.mjs": `import "./dist/chunk-abc.mjs";\n${LISTEN}${LISTEN.split("\n").slice(1).join("\n").replaceAll("server", "second")}`,
    });
    const { stdout, stderr } = await twice.run({ env: settingsOf(twice, '{"onMissingSeam":"warn"}') });
    expect([linesOf(stdout).length, linesOf(stderr).length]).toEqual([2, 1]);
  });

  test.each([
    ["requests", "handleGatewayRequest", `${BROADCASTER}${CONFIG}`],
    ["broadcast", "createGatewayBroadcaster", `${REQUESTS}${CONFIG}const text = "function createGatewayBroadcaster(";`],
  ])("the refusal names seam %s when the release lacks %s", async (seam, name, chunk) => {
    const lacking = built.release({
      "dist/chunk-abc.mjs": chunk,
      "openclaw.mjs": `import "./dist/chunk-abc.mjs";\n${LISTEN}`,
    });
    const { code, stdout, stderr } = await lacking.run();
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    expect(stderr).toContain(`"${seam}" (${name}`);
  });

  test("a release without a required seam listens as usual without the module", async () => {
    expect(await release.run({ node: [] })).toMatchObject({ code: 0, stdout: "listening\n", stderr: "" });
  });
});

describe("settings at start", () => {
  const gateway = (config: unknown): Release =>
    built.release({
      "dist/chunk-abc.mjs": `globalThis.testConfig = ${JSON.stringify(config)};\n${CHUNK}`,
      "openclaw.mjs": `import { t } from "./dist/chunk-abc.mjs";\nconsole.log("loaded");\nt({ clients: new Set() });\n${LISTEN}`,
    });

  test.each([
    ["unknown", '{"scopes":"run"}', '"scopes"'],
    ["unknown inside a group", '{"limits":{"claims":1}}', '"limits.claims"'],
    ["ill-typed", '{"scope":"everything"}', '"scope"'],
    ["ill-typed inside a group", '{"limits":{"claimsPerConnection":"10"}}', '"limits.claimsPerConnection"'],
    ["out of range", '{"heartbeat":{"maxDeferMs":0}}', '"heartbeat.maxDeferMs"'],
    ["ill-typed in a list", '{"observers":["dash"]}', '"observers[0]"'],
    ["not JSON", "{scope: run", "OPENCLAW_EVENT_ISOLATION_CONFIG"],
  ])(
    "a setting that is %s makes the gateway exit with 78 at its broadcaster and name the setting",
    async (_, text, name) => {
      const release = gateway({});
      const inFile = await release.run({ env: settingsOf(release, text) });
      expect({ code: inFile.code, stdout: inFile.stdout }).toEqual({ code: 78, stdout: "loaded\n" });
      expect(linesOf(inFile.stderr)).toHaveLength(1);
      expect(inFile.stderr).toContain(name);
    },
  );

  test("settings in the gateway's own configuration are read and checked too", async () => {
    const entries = (config: unknown): unknown => ({
      plugins: { entries: { "event-isolation": { enabled: true, config } } },
    });
    const wrong = await gateway(entries({ roster: "all" })).run();
    expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 78, stdout: "loaded\n" });
    expect(wrong.stderr).toContain('"roster"');
    expect(await gateway(entries({ roster: "claimed" })).run()).toMatchObject({
      code: 0,
      stdout: "loaded\nlistening\n",
      stderr: "",
    });
  });

  test("a settings file that is named only after the start, as by a .env file, stops the gateway", async () => {
    const release = built.release({
      "dist/chunk-abc.mjs": CHUNK,
      "openclaw.mjs": `import { t } from "./dist/chunk-abc.mjs";
process.env.OPENCLAW_EVENT_ISOLATION_CONFIG = new URL("settings.json", import.meta.url).pathname;
t({ clients: new Set() });\n${LISTEN}`,
    });
    settingsOf(release, '{"onMissingSeam":"warn"}');
    const ended = await release.run();
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code: 78, stdout: "" });
    expect(ended.stderr).toContain("OPENCLAW_EVENT_ISOLATION_CONFIG was set after startup");
  });

  test("a settings file that does not exist stops the gateway", async () => {
    const ended = await gateway({}).run({ env: { OPENCLAW_EVENT_ISOLATION_CONFIG: "/nowhere/settings.json" } });
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code: 78, stdout: "loaded\n" });
    expect(ended.stderr).toContain("OPENCLAW_EVENT_ISOLATION_CONFIG");
  });

  test('a broadcaster of an unknown kind stops the gateway unless onMissingSeam is "warn"', async () => {
    const odd = built.release({
      "dist/chunk-abc.mjs": CHUNK.replace("const seq = (", "const seq = 7 + ("),
      "openclaw.mjs": `import { t } from "./dist/chunk-abc.mjs";\nt({ clients: new Set() });\n${LISTEN}`,
    });
    const refused = await odd.run();
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 78, stdout: "" });
    expect(refused.stderr).toContain("unknown kind");
    const warned = await odd.run({ env: settingsOf(odd, '{"onMissingSeam":"warn"}') });
    expect({ code: warned.code, stdout: warned.stdout }).toEqual({ code: 0, stdout: "listening\n" });
    expect(warned.stderr).toContain("UNPROTECTED");
  });
});

describe("the children of a gateway", () => {
  const FAMILY = `${SAY}import { spawnSync } from "node:child_process";
const traces = Symbol.for("openclaw-event-isolation") in globalThis;
if (process.argv.includes("--respawned")) {
  say({ respawned: traces });
  process.exit();
}
const { t } = await import("./dist/chunk-abc.mjs");
const child = (...args) => JSON.parse(spawnSync(process.execPath, args, { encoding: "utf8" }).stdout);
const inherited = ["-e", 'console.log(JSON.stringify(process.env.NODE_OPTIONS ?? null))'];
say({ before: child(...inherited) });
t({ clients: new Set() });
say({ after: child(...inherited), own: process.env.NODE_OPTIONS ?? null });
say({ flags: process.execArgv });
say(child(...process.execArgv, import.meta.filename, "gateway", "run", "--respawned"));
`;
  let release: Release;

  beforeAll(() => {
    release = built.release({ "dist/chunk-abc.mjs": CHUNK, "openclaw.mjs": FAMILY });
  });

  test.each([
    ["alone", (url: string) => `--import=${url}`, null],
    ["as two words", (url: string) => `--import ${url}`, null],
    [
      "among others",
      (url: string) => `--no-warnings --import=${url} --max-old-space-size=512`,
      "--no-warnings --max-old-space-size=512",
    ],
    [
      "next to another preload",
      (url: string) => `--import=data:text/javascript, --import "${url}"`,
      "--import=data:text/javascript,",
    ],
  ])(
    "children of a gateway do not inherit our preload from NODE_OPTIONS, %s, once the broadcaster exists",
    async (_, options, rest) => {
      const NODE_OPTIONS = options(built.register);
      const { said, stderr, code } = await release.run({ node: ["--trace-uncaught"], env: { NODE_OPTIONS } });
      expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
      expect(said).toEqual([
        { before: NODE_OPTIONS },
        { after: rest, own: rest },
        { flags: ["--trace-uncaught", `--import=${built.register}`] },
        { respawned: true },
      ]);
    },
  );

  test("a child that respawns the gateway gets the preload flag once, even if a flag named it already", async () => {
    for (const node of [[`--import=${built.register}`], ["--import", built.register]]) {
      const { said } = await release.run({ node, env: { NODE_OPTIONS: "--no-warnings" } });
      expect(said).toEqual([
        { before: "--no-warnings" },
        { after: "--no-warnings", own: "--no-warnings" },
        { flags: node },
        { respawned: true },
      ]);
    }
  });

  test("a child finds nothing attached twice when the preload runs twice", async () => {
    const { said, stderr, code } = await release.run({
      node: [`--import=${built.register}`],
      env: { NODE_OPTIONS: `--import=${built.register}?again --import=${built.register}` },
    });
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(said[2]).toEqual({ flags: [`--import=${built.register}`] });
    expect(said[3]).toEqual({ respawned: true });
  });
});

test("a release without any seam gets one message", async () => {
  const release = built.release({
    "dist/chunk-abc.mjs": "export {};",
    "openclaw.mjs": `import "./dist/chunk-abc.mjs";\n${LISTEN}`,
  });
  const { code, stdout, stderr } = await release.run();
  expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("a package without dist exits with 78 and the message", async () => {
  const release = built.release({ "openclaw.mjs": LISTEN });
  const { code, stdout, stderr } = await release.run();
  expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
  expect(stderr).toContain('"broadcast"');
});
