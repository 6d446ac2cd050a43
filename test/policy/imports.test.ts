import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const SRC = join(import.meta.dirname, "../../src");

/** Types included: a type ties two files together too. */
const STATIC = /(?:^|;)\s*(?:import|export)\b[^"'`;()=]*?\bfrom\s*["']([^"']+)["']/gm;
const BARE = /(?:^|;)\s*import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["'`]([^"'`]+)["'`]/g;

interface Rule {
  readonly files: RegExp;
  readonly may: readonly RegExp[];
}

const NODE = /^node:/;
const SIBLING = /^\.\/[\w-]+\.ts$/;
const STATUS = /^\.\/status\.ts$/;
const OFFICIAL_CLIENT = /^@openclaw\/gateway-client$/;
const ISOLATION = /^\.\/isolation\.ts$/;

/** The first rule whose `files` matches a path below src is that file's. */
const RULES: readonly Rule[] = [
  { files: /^policy\/[\w-]+\.ts$/, may: [SIBLING] },
  { files: /^host\/[\w-]+\.ts$/, may: [SIBLING, /^\.\.\/policy\/[\w-]+\.ts$/, NODE] },
  {
    files: /^(?:isolation|gateway-scope|request-gate|access-guard|heartbeat-guard)\.ts$/,
    may: [
      /^\.\/(?:policy|host)\/[\w-]+\.ts$/,
      /^\.\/(?:gateway-scope|request-gate|access-guard|heartbeat-guard|metrics|status)\.ts$/,
      NODE,
    ],
  },
  { files: /^status\.ts$/, may: [/^\.\/policy\/[\w-]+\.ts$/] },
  { files: /^metrics\.ts$/, may: [STATUS] },
  { files: /^index\.ts$/, may: [/^\.\/policy\/[\w-]+\.ts$/, STATUS] },
  // Which process this is has to be known before anything else is loaded.
  { files: /^register\.ts$/, may: [ISOLATION, /^\.\/host\/process\.ts$/, NODE] },
  // OpenClaw loads the plugin by itself: nothing that attaches, and no package.
  {
    files: /^plugin\.ts$/,
    may: [/^\.\/plugin\/[\w-]+\.ts$/, /^\.\/host\/(?:process|own-version)\.ts$/, STATUS, NODE],
  },
  {
    files: /^plugin\/[\w-]+\.ts$/,
    may: [
      SIBLING,
      /^\.\.\/policy\/settings\.ts$/,
      /^\.\.\/host\/(?:config|gateway-types|messages|process)\.ts$/,
      /^\.\.\/status\.ts$/,
      NODE,
    ],
  },
  { files: /^cli\.ts$/, may: [/^\.\/cli\/[\w-]+\.ts$/, NODE] },
  // The command runs in a process of its own: it alone may use dependencies.
  {
    files: /^cli\/[\w-]+\.ts$/,
    may: [
      SIBLING,
      /^\.\.\/(?:host|policy|report)\/[\w-]+\.ts$/,
      /^\.\.\/status\.ts$/,
      NODE,
      /^(?:commander|json5|@openclaw\/gateway-(?:client|protocol))$/,
    ],
  },
  // Values in, text out; what judges a gateway shares nothing with the policy.
  { files: /^report\/[\w-]+\.ts$/, may: [SIBLING] },
  { files: /^client\.ts$/, may: [/^\.\/client\/[\w-]+\.ts$/, NODE] },
  // The one pure file that knows when two session keys are the same session; nothing of the gateway's process.
  { files: /^client\/[\w-]+\.ts$/, may: [SIBLING, NODE, OFFICIAL_CLIENT, /^\.\.\/policy\/session-key\.ts$/] },
];

function importsOf(source: string): string[] {
  return [STATIC, BARE, DYNAMIC].flatMap((kind) => [...source.matchAll(kind)].map((match) => match[1]!));
}

function violations(file: string, source: string): string[] {
  const rule = RULES.find(({ files }) => files.test(file));
  if (!rule) return [`src/${file} has no import rule`];
  return importsOf(source)
    .filter((specifier) => !rule.may.some((pattern) => pattern.test(specifier)))
    .map((specifier) => `src/${file} imports ${specifier}`);
}

const FILES = globSync("**/*.ts", { cwd: SRC }).map((file) => file.replaceAll("\\", "/"));

describe("who imports whom in src", () => {
  test("there are files to judge, of policy and of host", () => {
    expect(FILES.filter((file) => file.startsWith("policy/")).length).toBeGreaterThan(4);
    expect(FILES.filter((file) => file.startsWith("host/")).length).toBeGreaterThan(4);
    expect(importsOf(readFileSync(join(SRC, "isolation.ts"), "utf8"))).toContain("./gateway-scope.ts");
  });

  test.each(FILES)("%s", (file) => {
    expect(violations(file, readFileSync(join(SRC, file), "utf8"))).toEqual([]);
  });
});

describe("the rule catches", () => {
  test.each([
    ["policy/x.ts", 'import { readFileSync } from "node:fs";', "node:fs"],
    ["policy/x.ts", 'import type { GatewayClient } from "../host/gateway-types.ts";', "../host/gateway-types.ts"],
    ["policy/x.ts", 'export {\n  a,\n  type B,\n} from "../isolation.ts";', "../isolation.ts"],
    ["policy/x.ts", 'const fs = await import("node:fs");', "node:fs"],
    ["policy/x.ts", 'import "fast-check";', "fast-check"],
    ["policy/x.ts", "import * as all from './sub/dir.ts';", "./sub/dir.ts"],
    ["policy/x.ts", 'import ok from "./a.ts"; import bad from "../gateway-scope.ts";', "../gateway-scope.ts"],
    ["host/x.ts", 'import { Isolation } from "../isolation.ts";', "../isolation.ts"],
    ["host/x.ts", 'import ws from "ws";', "ws"],
    ["register.ts", 'import { claimIntent } from "./policy/claims.ts";', "./policy/claims.ts"],
    ["client.ts", 'import { routeEvent } from "./policy/session-event.ts";', "./policy/session-event.ts"],
    ["plugin.ts", 'import { install } from "./isolation.ts";', "./isolation.ts"],
    ["plugin/x.ts", 'import { install } from "../isolation.ts";', "../isolation.ts"],
    ["plugin/x.ts", 'import { onDiagnosticEvent } from "openclaw/plugin-sdk";', "openclaw/plugin-sdk"],
    ["client.ts", 'import { install } from "./isolation.ts";', "./isolation.ts"],
    ["client/x.ts", 'import { Isolation } from "../isolation.ts";', "../isolation.ts"],
    ["client/x.ts", 'import type { GatewaySocket } from "../host/gateway-types.ts";', "../host/gateway-types.ts"],
    ["client/x.ts", 'import { routeEvent } from "../policy/session-event.ts";', "../policy/session-event.ts"],
    ["client/x.ts", 'import { WebSocket } from "ws";', "ws"],
    ["index.ts", 'export * from "./host/loader.ts";', "./host/loader.ts"],
  ])("in %s: %s", (file, source, specifier) => {
    expect(violations(file, source)).toEqual([`src/${file} imports ${specifier}`]);
  });

  test("a file that no rule covers", () => {
    expect(violations("extra/x.ts", "")).toEqual(["src/extra/x.ts has no import rule"]);
  });

  test.each([
    ["policy/x.ts", 'import type { A } from "./a.ts";\nexport { b } from "./b.ts";'],
    ["policy/x.ts", 'export const text = "node:fs";\nexport const other = `a ${text}`;'],
    ["host/x.ts", 'import { join } from "node:path";\nimport { a } from "../policy/a.ts";\nimport "./b.ts";'],
  ])("nothing that is allowed, in %s: %s", (file, source) => {
    expect(violations(file, source)).toEqual([]);
  });
});
