import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { gatewayProcess, isGatewayRun, withoutPreload } from "../../src/attach/process.ts";

test("a gateway that pm2 starts is recognised in fork and in cluster mode, and other programs are not", () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "isolation-pm2-")));
  onTestFinished(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, "package.json"), JSON.stringify({ name: "openclaw", version: "2026.9.6" }));
  const path = join(root, "openclaw.mjs");
  writeFileSync(path, "");
  const found = { root, release: "2026.9.6" };
  const fork = "/usr/lib/node_modules/pm2/lib/ProcessContainerFork.js";
  const cluster = "/usr/lib/node_modules/pm2/lib/ProcessContainer.js";
  expect(gatewayProcess(["node", fork, "gateway", "run"], { pm_exec_path: path })).toEqual(found);
  expect(gatewayProcess(["node", fork, "status"], { pm_exec_path: path })).toBeUndefined();
  expect(gatewayProcess(["node", fork, "gateway"], {})).toBeUndefined();
  const env = (args: readonly string[]) => ({ pm2_env: JSON.stringify({ pm_exec_path: path, args }) });
  expect(gatewayProcess(["node", cluster], env(["gateway", "run"]))).toEqual(found);
  expect(gatewayProcess(["node", cluster], env(["status"]))).toBeUndefined();
  expect(gatewayProcess(["node", cluster, "gateway"], { pm2_env: "{" })).toBeUndefined();
  expect(gatewayProcess(["node", "/app/ProcessContainerFork.js", "gateway"], { pm_exec_path: path })).toBeUndefined();
});

describe("telling a gateway run by its arguments", () => {
  test.each([
    ["gateway"],
    ["gateway run"],
    ["gateway --port 18789"],
    ["gateway run --port 18789 --verbose"],
    ["gateway --dev run"],
    ["gateway --allow-unconfigured"],
    ["--profile dev gateway run"],
    ["--dev gateway"],
    ["--profile gateway gateway run"],
    ["gateway made-up-word"],
    ["gateway run status"],
    ["gateway --token status"],
    ["gateway --help"],
    ["gateway --bind lan"], // the official image
    ["gateway --bind lan --port 18789 --published-port 19100"], // a cell of openclaw fleet
    ["gateway --port 18789 --task-supervisor"], // the Scheduled Task of Windows
    ["gateway --port 18789 --task-supervisor-child"],
    ["onboard"],
    ["setup --wizard"],
    ["--profile dev onboard --install-daemon"],
    [""], // a setup that may end in a gateway
    ["--profile dev"],
    ["--no-color"],
  ])("`openclaw %s` counts as a gateway run", (line) => {
    expect(isGatewayRun(line.split(" ").filter((word) => word !== ""))).toBe(true);
  });

  test.each([
    ["status"],
    ["agent --message hello"],
    ["tui"],
    ["doctor --fix"],
    ["node run"],
    ["daemon start"],
    ["run"],
    ["gateways"],
    ["--version"],
    ...[
      "call",
      "diagnostics",
      "discover",
      "health",
      "help",
      "install",
      "probe",
      "restart",
      "restart-handoff",
      "stability",
      "start",
      "status",
      "stop",
      "uninstall",
      "usage-cost",
    ].flatMap((word) => [[`gateway ${word}`], [`--profile dev gateway ${word} --json --timeout 5`]]),
  ])("`openclaw %s` does not count as a gateway run", (line) => {
    expect(isGatewayRun(line.split(" ").filter((word) => word !== ""))).toBe(false);
  });
});

describe("telling a gateway's process by its script", () => {
  let folder: string;
  let root: string;

  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "isolation-process-")));
    root = join(folder, "lib", "openclaw");
    mkdirSync(join(root, "dist", "entry"), { recursive: true });
    mkdirSync(join(folder, "bin"));
    mkdirSync(join(folder, "other"));
    writeFileSync(join(root, "package.json"), JSON.stringify({ name: "openclaw", version: "2026.9.6" }));
    for (const file of ["openclaw.mjs", "dist/entry.js", "dist/index.js", "dist/entry/main.js"])
      writeFileSync(join(root, file), "");
    writeFileSync(join(folder, "other", "package.json"), JSON.stringify({ name: "not-openclaw", version: "1.0.0" }));
    writeFileSync(join(folder, "other", "gateway.js"), "");
    writeFileSync(join(folder, "stray.js"), "");
    symlinkSync(join(root, "openclaw.mjs"), join(folder, "bin", "openclaw"));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (...path: readonly string[]): ReturnType<typeof gatewayProcess> =>
    gatewayProcess([process.execPath, join(folder, ...path), "gateway", "run"]);

  test.each([
    [["lib", "openclaw", "openclaw.mjs"]],
    [["lib", "openclaw", "dist", "entry.js"]],
    [["lib", "openclaw", "dist", "index.js"]],
    [["lib", "openclaw", "dist", "entry", "main.js"]],
    [["bin", "openclaw"]],
  ])("a script at %j of the openclaw package makes the process a gateway's", (path) => {
    expect(run(...path)).toEqual({ root, release: "2026.9.6" });
  });

  test("a script by its path in the working folder, as the official image names it, is found", () => {
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(root);
    const argv = [process.execPath, "dist/index.js", "gateway", "--bind", "lan"];
    expect(gatewayProcess(argv)).toEqual({ root, release: "2026.9.6" });
  });

  test.each([[["other", "gateway.js"]], [["stray.js"]], [["lib", "openclaw", "missing.mjs"]]])(
    "a script at %j does not make the process a gateway's",
    (path) => {
      expect(run(...path)).toBeUndefined();
    },
  );

  test("a process that runs something else, or has no script, is not a gateway's", () => {
    expect(gatewayProcess([process.execPath, join(root, "openclaw.mjs"), "status"])).toBeUndefined();
    expect(gatewayProcess([process.execPath])).toBeUndefined();
    expect(gatewayProcess([process.execPath, "", "gateway"])).toBeUndefined();
  });
});

const OURS = "file:///opt/our module/register.js";
const isOurs = (specifier: string): boolean => specifier === OURS || specifier === "ours";

describe("NODE_OPTIONS without our preload", () => {
  test.each([
    ["alone, two words", "--import ours", ""],
    ["alone, one word", "--import=ours", ""],
    ["quoted", '--import "ours"', ""],
    ["quoted as a whole", '"--import=ours"', ""],
    ["quoted in part", '--import="ours"', ""],
    ["with a blank in its path", `--import "${OURS}"`, ""],
    ["with an escape in its path", String.raw`--import "\ours"`, ""],
    [
      "between others",
      "--max-old-space-size=512 --import=ours --no-warnings",
      "--max-old-space-size=512 --no-warnings",
    ],
    ["next to another preload", "--import=theirs --import ours --import theirs", "--import=theirs --import theirs"],
    ["twice", "--import ours --import=ours", ""],
    [
      "next to a quoted value, which stays quoted",
      '--title="a b" --import ours --require "c d.js"',
      '--title="a b" --require "c d.js"',
    ],
  ])("our preload is removed from NODE_OPTIONS where it stands %s: %s", (_, options, rest) => {
    expect(withoutPreload(options, isOurs)).toBe(rest);
  });

  test.each([
    "",
    "  ",
    "--max-old-space-size=4096",
    "--import=theirs  --import theirs",
    "--import",
    "--require ours",
    "--import=ours.js",
    "--imports=ours",
    "ours",
    '--title="--import=ours"',
    '--title "--import ours"',
  ])("NODE_OPTIONS of %j stays unchanged because our preload is not in it", (options) => {
    expect(withoutPreload(options, isOurs)).toBe(options);
  });

  /** Node's own reading of the variable: blanks separate, `"` quotes, `\` escapes inside quotes. */
  function words(options: string): string[] {
    const found: string[] = [];
    let word: string | undefined;
    let quoted = false;
    for (let index = 0; index < options.length; index += 1) {
      let char = options[index]!;
      if (char === '"') {
        quoted = !quoted;
        word ??= "";
        continue;
      }
      if (char === "\\" && quoted) char = options[(index += 1)] ?? "";
      else if (char === " " && !quoted) {
        if (word !== undefined) found.push(word);
        word = undefined;
        continue;
      }
      word = (word ?? "") + char;
    }
    return word === undefined ? found : [...found, word];
  }

  const quote = (word: string): string => `"${word.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  const unit = fc.constantFrom(..."abcé/:.=-", '"', "\\", " ");
  const word = fc
    .string({ unit, minLength: 1, maxLength: 12 })
    .filter((text) => !text.startsWith("--import"))
    .chain((text) => (/["\\ ]/.test(text) ? fc.constant(quote(text)) : fc.constantFrom(text, quote(text))));
  const others = fc.array(fc.oneof(word, fc.constantFrom("--import=theirs", "--import theirs")), { maxLength: 6 });
  const ours = fc.constantFrom(
    "--import=ours",
    "--import ours",
    '"--import" "ours"',
    `--import ${quote(OURS)}`,
    quote(`--import=${OURS}`),
  );
  const blanks = fc.stringMatching(/^ {1,3}$/);

  test("any NODE_OPTIONS without our preload come back identical", () => {
    fc.assert(
      fc.property(others, blanks, blanks, (parts, between, around) => {
        const options = around + parts.join(between);
        expect(withoutPreload(options, isOurs)).toBe(options);
      }),
      { numRuns: 2_000 },
    );
  });

  test("Node reads NODE_OPTIONS as before except for our preload, wherever that stood", () => {
    fc.assert(
      fc.property(others, ours, others, blanks, (before, own, after, between) => {
        const rest = withoutPreload([...before, own, ...after].join(between), isOurs);
        expect(words(rest)).toEqual([...before, ...after].flatMap(words));
      }),
      { numRuns: 2_000 },
    );
  });
});

test("a tab in NODE_OPTIONS does not separate options and stays", () => {
  expect(withoutPreload("--import=ours --title=a\tb", (specifier) => specifier === "ours")).toBe("--title=a\tb");
});
