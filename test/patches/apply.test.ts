/** Applying patches to a made-up tree and to a made-up bundle of it. */
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { applyPatch } from "../../patches/lib/apply.ts";
import { openBundle, openCheckout } from "../../patches/lib/base.ts";
import type { Patch } from "../../patches/lib/codemod.ts";

const SOURCE = `import type { Rule } from "./rule.js";
import { log } from "../log.js";

export const RULES: Record<string, Rule[]> = {
  tick: [],
  beat: [],
};

export function decide(rule: Rule | undefined, who: string): boolean {
  if (!rule) {
    return false;
  }
  log(who);
  return rule.allows(who);
}
`;

const CHUNK = `import { t as log } from "./log-Ab12.mjs";
//#region src/gateway/rules.ts
const RULES = {
	tick: [],
	beat: []
};
function decide(rule, who) {
	if (!rule) return false;
	log(who);
	return rule.allows(who);
}
//#endregion
export { decide as n };
`;

function tree(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "patches-test-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const checkout = (source = SOURCE) => openCheckout(tree({ "src/gateway/rules.ts": source, "src/gateway/rule.ts": "" }));
const bundle = (chunk = CHUNK) => {
  const log = "function log() {}\nexport { log as t };\n";
  return openBundle(
    tree({ "openclaw.mjs": "", "dist/rules-Cd34.mjs": chunk, "dist/log-Ab12.mjs": log, "dist/who-Ef56.mjs": WHO }),
  );
};
const WHO = "//#region src/gateway/who.ts\nfunction normalizeWho(who) { return who.trim(); }\n";

function patch(): Patch {
  const folder = tree({ "limit.ts": "export const limit = (who: string): boolean => who.length > 0;\n" });
  return {
    name: "99-test",
    title: "test",
    files: { "src/gateway/limit.ts": pathToFileURL(join(folder, "limit.ts")) },
    edits: [
      {
        what: "beats need a rule",
        declaration: "RULES",
        path: "src/gateway/rules.ts",
        present: "{beat: [READ]}:property",
        change: (code) => code.replace(code.one("{beat: []}:property").node, "beat: [READ]"),
      },
      {
        what: "who is limited",
        declaration: "decide",
        path: "src/gateway/rules.ts",
        present: "limit($$$)",
        imports: { limit: "src/gateway/limit.ts", normalizeWho: "src/gateway/who.ts" },
        change: (code) =>
          code.after(
            code.one("if (!rule) { return false; }").node,
            `
            const name: string = normalizeWho(who);
            if (!limit(name)) {
              return false;
            }`,
          ),
      },
    ],
  };
}

test("a checkout gets the change, the imports and the new file, and nothing else", () => {
  const base = checkout();
  writeFileSync(join(base.root, "src/gateway/who.ts"), "export function normalizeWho(who: string) {}\n");
  expect(applyPatch(base, patch(), true).state).toBe("applies");
  const changed = base.read("src/gateway/rules.ts");
  const expected = SOURCE.replace("beat: []", "beat: [READ]")
    .replace(
      'import { log } from "../log.js";\n',
      (line) => `${line}import { limit } from "./limit.js";\nimport { normalizeWho } from "./who.js";\n`,
    )
    .replace(
      "  log(who);",
      "  const name: string = normalizeWho(who);\n  if (!limit(name)) {\n    return false;\n  }\n  log(who);",
    );
  expect(changed.split("\n").toSorted()).toEqual(expected.split("\n").toSorted());
  expect(changed.replaceAll(/^import .*\n/gm, "")).toBe(expected.replaceAll(/^import .*\n/gm, ""));
  expect(base.has("src/gateway/limit.ts")).toBe(true);
});

test("a bundle gets the same change without types, from the chunks that have the functions", () => {
  const base = bundle();
  expect(applyPatch(base, patch(), true).state).toBe("applies");
  const changed = base.read("dist/rules-Cd34.mjs");
  expect(changed).toContain('import { limit } from "./openclaw-patch-limit.mjs";');
  expect(changed).toContain('import { normalizeWho } from "./who-Ef56.mjs";');
  expect(readFileSync(join(base.root, "dist/who-Ef56.mjs"), "utf8")).toContain("export { normalizeWho };");
  const written = readFileSync(join(base.root, "dist/rules-Cd34.mjs"), "utf8");
  expect(written).not.toContain(": string");
  expect(readFileSync(join(base.root, "dist/openclaw-patch-limit.mjs"), "utf8")).not.toContain(": string");
});

test("an import that the change leaves unused is removed, and one that is still used stays", () => {
  const imports = 'import { first, log, last } from "../log.js";\n';
  const body = "export function decide(who: string): void {\n  log(who);\n}\n";
  const withoutLog: Patch = {
    name: "98-test",
    title: "test",
    edits: [
      {
        what: "nothing is logged",
        declaration: "decide",
        path: "src/gateway/rules.ts",
        present: "return;",
        unneeded: ["log"],
        change: (code) => code.replace(code.one("log($who);").node, "return;"),
      },
    ],
  };
  const unused = checkout(imports + body);
  applyPatch(unused, withoutLog, true);
  expect(unused.read("src/gateway/rules.ts")).toContain('import { first, last } from "../log.js";');
  const used = checkout(`${imports}${body}export const other = log;\n`);
  applyPatch(used, withoutLog, true);
  expect(used.read("src/gateway/rules.ts")).toContain(imports);
});

test("a change that is already there is left alone", () => {
  const base = bundle();
  applyPatch(base, patch(), true);
  const once = base.read("dist/rules-Cd34.mjs");
  expect(applyPatch(openBundle(base.root), patch(), true)).toMatchObject({ state: "present", changed: [] });
  expect(base.read("dist/rules-Cd34.mjs")).toBe(once);
});

test("a dry run changes nothing", () => {
  const base = bundle();
  expect(applyPatch(base, patch(), false)).toEqual({ state: "applies", notes: [], changed: [] });
  expect(base.read("dist/rules-Cd34.mjs")).toBe(CHUNK);
  expect(base.has("dist/openclaw-patch-limit.mjs")).toBe(false);
});

test("an anchor that is missing or ambiguous is a conflict that names it, and nothing is written", () => {
  const gone = checkout(SOURCE.replace("if (!rule)", "if (rule === null)"));
  const outcome = applyPatch(gone, patch(), true);
  expect(outcome.state).toBe("conflict");
  expect(outcome.notes.join()).toContain("decide has no place like: if (!rule)");
  expect(gone.read("src/gateway/rules.ts")).not.toContain("READ");

  const twice = checkout(SOURCE.replace("  log(who);", "  if (!rule) {\n    return false;\n  }"));
  expect(applyPatch(twice, patch(), true).notes.join()).toContain("decide has 2 places like");
});

test("a version without the code in question is not a conflict", () => {
  expect(applyPatch(bundle("export {};\n"), patch(), true).state).toBe("absent");
});

test("a file that is shared by hard links is replaced, not written through", () => {
  const base = bundle();
  const original = join(base.root, "original.mjs");
  linkSync(join(base.root, "dist/rules-Cd34.mjs"), original);
  applyPatch(base, patch(), true);
  expect(readFileSync(original, "utf8")).toBe(CHUNK);
});

test("a folder that is neither a checkout nor a bundle is refused", () => {
  expect(() => openCheckout(tree({}))).toThrow("not an OpenClaw checkout");
  expect(() => openBundle(tree({}))).toThrow("not an installed openclaw package");
});
