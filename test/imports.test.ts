/** Which file may import which in src: the ladder of folders, what each entry may load, and no cycle. */
import { globSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path/posix";
import { describe, expect, test } from "vitest";

const SRC = join(import.meta.dirname, "../src");

/** Types included: a type ties two files together too. */
const STATIC = /(?:^|;)\s*(?:import|export)\b[^"'`;()=]*?\bfrom\s*["']([^"']+)["']/gm;
const BARE = /(?:^|;)\s*import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["'`]([^"'`]+)["'`]/g;

interface Rule {
  readonly files: RegExp;
  /** What these files may import: paths below src as regular expressions, and packages. */
  readonly may: readonly RegExp[];
}

const NODE = /^node:/;
const STATUS = /^status\.ts$/;
/** The texts of the gateway's process: they import nothing, so that every folder may import them. */
const MESSAGES = /^messages\.ts$/;

/** The ladder: each folder may import itself and every folder below it. Policy and attach stand at its foot. */
const LADDER = ["wakes", "heartbeats", "delivery", "gateway"] as const;

const inFolders = (...folders: readonly string[]): RegExp => new RegExp(`^(?:${folders.join("|")})/[\\w-]+\\.ts$`);

/** The first rule whose `files` matches a path below src is that file's. */
const RULES: readonly Rule[] = [
  { files: MESSAGES, may: [] },
  { files: inFolders("policy"), may: [inFolders("policy"), MESSAGES] },
  { files: inFolders("attach"), may: [inFolders("attach"), MESSAGES, NODE] },
  ...LADDER.map((folder, rung) => ({
    files: inFolders(folder),
    may: [inFolders(...LADDER.slice(rung), "policy", "attach"), MESSAGES, STATUS, NODE],
  })),
  {
    files: /^isolation\.ts$/,
    may: [inFolders(...LADDER, "policy", "attach"), /^(?:messages|metrics|status)\.ts$/, NODE],
  },
  { files: STATUS, may: [inFolders("policy")] },
  { files: /^metrics\.ts$/, may: [STATUS] },
  { files: /^index\.ts$/, may: [inFolders("policy"), STATUS] },
  // The kind of process must be known before anything else is loaded.
  { files: /^register\.ts$/, may: [/^isolation\.ts$/, /^attach\/process\.ts$/, NODE] },
  // OpenClaw loads the plugin by itself: nothing that attaches, and no package.
  {
    files: /^plugin\.ts$/,
    may: [inFolders("plugin"), /^attach\/(?:process|own-version)\.ts$/, MESSAGES, STATUS, NODE],
  },
  {
    files: inFolders("plugin"),
    may: [
      inFolders("plugin"),
      /^policy\/(?:schema|settings)\.ts$/,
      /^gateway\/(?:config|types)\.ts$/,
      /^attach\/(?:log|process)\.ts$/,
      MESSAGES,
      STATUS,
      NODE,
    ],
  },
  { files: /^cli\.ts$/, may: [inFolders("cli"), NODE] },
  // The command runs in a process of its own: it and the client alone may use dependencies.
  {
    files: inFolders("cli"),
    may: [
      inFolders("cli", "attach", "gateway", "policy", "report"),
      STATUS,
      NODE,
      /^(?:commander|json5|semver|@openclaw\/gateway-(?:client|protocol))$/,
    ],
  },
  // Values in, text out; what judges a gateway shares nothing with the policy.
  { files: inFolders("report"), may: [inFolders("report")] },
  { files: /^client\.ts$/, may: [inFolders("client"), NODE] },
  // The one pure file that knows when two session keys are the same session; nothing of the gateway's process.
  {
    files: inFolders("client"),
    may: [inFolders("client"), NODE, /^@openclaw\/gateway-client$/, /^policy\/session-key\.ts$/],
  },
];

/** What a file imports: paths below src, or the names of packages. */
function importsOf(file: string, source: string): string[] {
  const specifiers = [STATIC, BARE, DYNAMIC].flatMap((kind) => [...source.matchAll(kind)].map((match) => match[1]!));
  return specifiers.map((each) => (each.startsWith(".") ? normalize(join(file, "..", each)) : each));
}

function violations(file: string, source: string): string[] {
  const rule = RULES.find(({ files }) => files.test(file));
  if (!rule) return [`src/${file} has no import rule`];
  return importsOf(file, source)
    .filter((imported) => !rule.may.some((pattern) => pattern.test(imported)))
    .map((imported) => `src/${file} imports ${imported}`);
}

/** Every cycle that a search meets, as the files on it. */
function cyclesIn(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) return void found.push([...path.slice(at), file].join(" > "));
    if (done.has(file)) return;
    for (const each of imports.get(file) ?? []) visit(each, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}

const FILES = globSync("**/*.ts", { cwd: SRC }).map((file) => file.replaceAll("\\", "/"));
const IMPORTS = new Map(FILES.map((file) => [file, importsOf(file, readFileSync(join(SRC, file), "utf8"))]));

describe("the imports of src", () => {
  test("the import reader finds the files of every folder and their imports", () => {
    const folders = [...LADDER, "policy", "attach"];
    const few = folders.filter((folder) => FILES.filter((file) => file.startsWith(`${folder}/`)).length < 5);
    expect(few).toEqual([]);
    expect(IMPORTS.get("isolation.ts")).toContain("delivery/gateway-scope.ts");
  });

  test.each(FILES)("%s imports only what its place on the ladder allows", (file) => {
    expect(violations(file, readFileSync(join(SRC, file), "utf8"))).toEqual([]);
  });

  test("no file imports itself by way of others", () => {
    expect(cyclesIn(IMPORTS)).toEqual([]);
  });
});

describe("the ladder refuses", () => {
  test.each([
    ["messages.ts", 'import { eitherOf } from "./attach/seams.ts";', "attach/seams.ts"],
    ["policy/x.ts", 'import { readFileSync } from "node:fs";', "node:fs"],
    ["policy/x.ts", 'import type { GatewayClient } from "../gateway/types.ts";', "gateway/types.ts"],
    ["policy/x.ts", 'export {\n  a,\n  type B,\n} from "../isolation.ts";', "isolation.ts"],
    ["policy/x.ts", 'const fs = await import("node:fs");', "node:fs"],
    ["policy/x.ts", 'import "fast-check";', "fast-check"],
    ["policy/x.ts", "import * as all from './sub/dir.ts';", "policy/sub/dir.ts"],
    ["policy/x.ts", 'import ok from "./a.ts"; import bad from "../delivery/a.ts";', "delivery/a.ts"],
    ["attach/x.ts", 'import type { Settings } from "../policy/settings.ts";', "policy/settings.ts"],
    ["gateway/x.ts", 'import { scope } from "../delivery/gateway-scope.ts";', "delivery/gateway-scope.ts"],
    ["delivery/x.ts", 'import { guard } from "../heartbeats/guard.ts";', "heartbeats/guard.ts"],
    ["delivery/x.ts", 'import { Isolation } from "../isolation.ts";', "isolation.ts"],
    ["delivery/x.ts", 'import ws from "ws";', "ws"],
    ["heartbeats/x.ts", 'import { errands } from "../wakes/errands.ts";', "wakes/errands.ts"],
    ["register.ts", 'import { claimIntent } from "./policy/claim-intent.ts";', "policy/claim-intent.ts"],
    ["client.ts", 'import { routeEvent } from "./policy/session-event.ts";', "policy/session-event.ts"],
    ["plugin.ts", 'import { install } from "./isolation.ts";', "isolation.ts"],
    ["plugin/x.ts", 'import { install } from "../isolation.ts";', "isolation.ts"],
    ["plugin/x.ts", 'import { onDiagnosticEvent } from "openclaw/plugin-sdk";', "openclaw/plugin-sdk"],
    ["client.ts", 'import { install } from "./isolation.ts";', "isolation.ts"],
    ["client/x.ts", 'import type { GatewayClient } from "../gateway/types.ts";', "gateway/types.ts"],
    ["client/x.ts", 'import { routeEvent } from "../policy/session-event.ts";', "policy/session-event.ts"],
    ["client/x.ts", 'import { WebSocket } from "ws";', "ws"],
    ["index.ts", 'export * from "./attach/loader.ts";', "attach/loader.ts"],
  ])("the ladder refuses, in %s: %s", (file, source, imported) => {
    expect(violations(file, source)).toEqual([`src/${file} imports ${imported}`]);
  });

  test("the ladder refuses a file that no rule covers", () => {
    expect(violations("extra/x.ts", "")).toEqual(["src/extra/x.ts has no import rule"]);
  });

  test("the ladder refuses a cycle and names the files on it", () => {
    const imports = new Map([
      ["a.ts", ["b.ts", "node:fs"]],
      ["b.ts", ["c.ts"]],
      ["c.ts", ["b.ts"]],
    ]);
    expect(cyclesIn(imports)).toEqual(["b.ts > c.ts > b.ts"]);
  });
});

test.each([
  ["policy/x.ts", 'import type { A } from "./a.ts";\nexport { b } from "./b.ts";'],
  ["policy/x.ts", 'export const text = "node:fs";\nexport const other = `a ${text}`;'],
  ["wakes/x.ts", 'import { join } from "node:path";\nimport { a } from "../policy/a.ts";\nimport "./b.ts";'],
  ["wakes/x.ts", 'import { a } from "../heartbeats/a.ts";\nimport { b } from "../gateway/b.ts";'],
])("the ladder allows, in %s: %s", (file, source) => {
  expect(violations(file, source)).toEqual([]);
});
