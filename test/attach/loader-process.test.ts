/** The loader in real processes: which functions it attaches to, and when. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { BROADCASTER, Built, CHUNK, CONFIG, LISTEN, type Release, REQUESTS, runNode, SAY } from "./fake-release.ts";

vi.setConfig({ testTimeout: 30_000 });

let built: Built;

beforeAll(() => {
  built = new Built();
}, 60_000);

afterAll(() => built?.remove());

const OWN = `const own = (fn) => String(fn).includes("the release's own");\n`;
const STATUS = `globalThis[Symbol.for("openclaw-event-isolation")]?.status()`;
/** Function to files. */
const SEAMS = `Object.fromEntries(${STATUS}.seams.flatMap(({ functions, files }) => functions.map((name) => [name, files])))`;
/** True for a process in which the module has put anything. */
const TRACES = `Object.getOwnPropertySymbols(globalThis).map(String).filter((name) => name.includes("event-isolation"))`;

describe("a release that declares all seams", () => {
  const CLIENTS = `
const client = (connId) => ({ connId, connect: { role: "operator" }, frames: [], socket: { send(f) { frames.push(connId + ":" + JSON.parse(f).payload.n); } } });
const frames = [];
const [a, b] = [client("a"), client("b")];
const clients = new Set();
`;

  test("the loader attaches before the first statement of a chunk, for callers inside and outside", async () => {
    // Helpers are declared, so hoisted: the chunk's very first statement can speak.
    const files = {
      "dist/chunk-abc.mjs": `say({ first: [own(createGatewayBroadcaster), own(handleGatewayRequest)], line: lineOf(new Error()) });
${CHUNK}
export function inside() { return own(createGatewayBroadcaster); }
function own(fn) { return String(fn).includes("the release's own"); }
function say(value) { console.log(JSON.stringify(value)); }
function lineOf(error) { return /chunk-abc\\.mjs:(\\d+)/.exec(error.stack)[1]; }`,
      "openclaw.mjs": `${SAY}${OWN}import { t, n, inside } from "./dist/chunk-abc.mjs";
say({ importer: [own(t), own(n)], inside: inside() });`,
    };
    const release = built.release(files);
    const attached = await release.run();
    expect(attached).toMatchObject({ code: 0, stderr: "" });
    expect(attached.said).toEqual([
      { first: [false, false], line: "1" },
      { importer: [false, false], inside: false },
    ]);
    const without = await release.run({ node: [] });
    expect(without.said).toEqual([
      { first: [true, true], line: "1" },
      { importer: [true, true], inside: true },
    ]);
  });

  test("an attached release sends a session's events to the connection that asked for the session", async () => {
    const release = built.release({
      "dist/chunk-abc.mjs": CHUNK,
      "openclaw.mjs": `${SAY}${CLIENTS}import { t, n } from "./dist/chunk-abc.mjs";
const { broadcast } = t({ clients });
clients.add(a).add(b);
const answers = [];
broadcast("chat", { n: 1, sessionKey: "agent:main:x" });
await n({ req: { id: "r1", method: "chat.send", params: { sessionKey: "x" } }, client: a, respond: (ok) => answers.push(ok) });
broadcast("chat", { n: 2, sessionKey: "agent:main:x" });
broadcast("tick", { n: 3 });
say({ answers, frames });
say(Object.keys(${SEAMS}).sort());`,
    });
    const { said, stderr, code } = await release.run();
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(said).toEqual([
      { answers: [true], frames: ["a:2", "a:3", "b:3"] },
      ["createGatewayBroadcaster", "getRuntimeConfig", "handleGatewayRequest"],
    ]);
    const without = await release.run({ node: [] });
    expect(without.said[0]).toEqual({ answers: [true], frames: ["a:1", "b:1", "a:2", "b:2", "a:3", "b:3"] });
  });

  test("the loader attaches to a release whose files are not bundled", async () => {
    const release = built.release({
      "package.json": JSON.stringify({ name: "openclaw", version: "0.0.0-test", type: "module" }),
      "dist/gateway/server-broadcast.js": `export ${BROADCASTER}`,
      "dist/gateway/server-methods.js": `export ${REQUESTS}`,
      "dist/config/io.js": `export ${CONFIG.replace("getRuntimeConfig", "loadConfig")}`,
      "openclaw.mjs": `${SAY}${OWN}import { createGatewayBroadcaster } from "./dist/gateway/server-broadcast.js";
import { handleGatewayRequest } from "./dist/gateway/server-methods.js";
import "./dist/config/io.js";
say([own(createGatewayBroadcaster), own(handleGatewayRequest)]);
say(${SEAMS});
${LISTEN}`,
    });
    const { said, stderr, code } = await release.run();
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(said).toEqual([
      [false, false],
      {
        createGatewayBroadcaster: ["dist/gateway/server-broadcast.js"],
        handleGatewayRequest: ["dist/gateway/server-methods.js"],
        loadConfig: ["dist/config/io.js"],
      },
      "listening",
    ]);
  });

  test("the loader attaches to both copies of a duplicated chunk", async () => {
    const release = built.release({
      "dist/chunk-one.mjs": CHUNK,
      "dist/chunk-two.mjs": CHUNK,
      "openclaw.mjs": `${SAY}${OWN}import * as one from "./dist/chunk-one.mjs";
import * as two from "./dist/chunk-two.mjs";
say([one, two].map(({ t, n }) => own(t) || own(n)));
say(${SEAMS}.createGatewayBroadcaster);`,
    });
    expect((await release.run()).said).toEqual([
      [false, false],
      ["dist/chunk-one.mjs", "dist/chunk-two.mjs"],
    ]);
  });

  test("the loader attaches to a chunk that loads after the gateway listens, and the gateway does not exit before", async () => {
    const release = built.release({
      "dist/config.mjs": `export ${CONFIG}`,
      "dist/lazy.mjs": `${BROADCASTER}${REQUESTS}export { createGatewayBroadcaster as t, handleGatewayRequest as n };`,
      "openclaw.mjs": `${SAY}${OWN}import "./dist/config.mjs";
import { createServer } from "node:net";
const server = createServer().listen(0, "127.0.0.1", async () => {
  const { t, n } = await import("./dist/lazy.mjs");
  say([own(t), own(n)]);
  server.close();
});`,
    });
    const { said, stderr, code } = await release.run();
    expect({ said, stderr, code }).toEqual({ said: [[false, false]], stderr: "", code: 0 });
  });

  test("the loader leaves files alone that are not ES modules", async () => {
    const release = built.release({
      "dist/chunk-abc.mjs": CHUNK,
      "dist/legacy.cjs": `${BROADCASTER}exports.t = createGatewayBroadcaster;\n`,
      "openclaw.mjs": `${SAY}${OWN}import { t } from "./dist/chunk-abc.mjs";
import { createRequire } from "node:module";
import { t as imported } from "./dist/legacy.cjs";
say([own(t), own(imported), own(createRequire(import.meta.url)("./dist/legacy.cjs").t)]);`,
    });
    expect((await release.run()).said).toEqual([[false, true, true]]);
  });

  test("the loader leaves the release's dependencies alone", async () => {
    const release = built.release({
      "dist/chunk-abc.mjs": CHUNK,
      "node_modules/other/package.json": JSON.stringify({ name: "other", version: "1.0.0" }),
      "node_modules/other/index.mjs": CHUNK,
      "openclaw.mjs": `${SAY}${OWN}import { t } from "./dist/chunk-abc.mjs";
import { t as other } from "other/index.mjs";
say([own(t), own(other)]);`,
    });
    expect((await release.run()).said).toEqual([[false, true]]);
  });
});

describe("a process that is not a gateway run", () => {
  let release: Release;

  beforeAll(() => {
    release = built.release({
      "dist/chunk-abc.mjs": CHUNK,
      "openclaw.mjs": `${SAY}${OWN}import { t } from "./dist/chunk-abc.mjs";\nsay({ own: own(t), traces: ${TRACES} });\n${LISTEN}`,
    });
  });

  test("a gateway run of the same release has our module in it", async () => {
    const { said } = await release.run({ args: ["gateway", "run"] });
    expect(said[0]).toEqual({
      own: false,
      traces: expect.arrayContaining([expect.stringContaining("event-isolation")]) as unknown,
    });
  });

  test.each(["status", "gateway status", "gateway call health", "gateway stop", "agent --message x", "--version"])(
    "`openclaw %s` runs without the module in the process",
    async (line) => {
      const { code, stdout, stderr } = await release.run({ args: line.split(" ") });
      expect({ code, stdout, stderr }).toEqual({
        code: 0,
        stdout: '{"own":true,"traces":[]}\nlistening\n',
        stderr: "",
      });
    },
  );

  test("another package runs without the module in the process", async () => {
    const other = built.release(
      { "openclaw.mjs": `${SAY}say(${TRACES});\n${LISTEN}` },
      { name: "other", version: "1.0.0" },
    );
    expect(await other.run()).toMatchObject({ code: 0, stdout: "[]\nlistening\n", stderr: "" });
  });

  test("`node -e` under NODE_OPTIONS runs without the module in the process", async () => {
    const ended = await runNode(["-e", `console.log(JSON.stringify(${TRACES}))`, "gateway", "run"], {
      NODE_OPTIONS: `--import=${built.register}`,
    });
    expect(ended).toMatchObject({ code: 0, stdout: "[]\n", stderr: "" });
  });

  test("a worker thread of a gateway runs without the module in it", async () => {
    const gateway = built.release({
      "dist/chunk-abc.mjs": CHUNK,
      "openclaw.mjs": `${SAY}import "./dist/chunk-abc.mjs";
import { Worker } from "node:worker_threads";
say(${TRACES}.length > 0);
new Worker(new URL("./worker.mjs", import.meta.url), { argv: ["gateway", "run"] }).on("message", (traces) => say(traces));`,
      "worker.mjs": `import { parentPort } from "node:worker_threads";
import { t } from "./dist/chunk-abc.mjs";
parentPort.postMessage([...${TRACES}, String(t).includes("the release's own")]);`,
    });
    for (const run of [{}, { node: [], env: { NODE_OPTIONS: `--import=${built.register}` } }]) {
      expect(await gateway.run(run)).toMatchObject({ code: 0, said: [true, [true]], stderr: "" });
    }
  });
});
