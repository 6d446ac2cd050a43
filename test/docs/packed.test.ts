/** What is packed: no scripts at installation, and links of the docs that lead somewhere. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const RUN_BY_NPM = new Set([
  "preinstall",
  "install",
  "postinstall",
  "preprepare",
  "prepare",
  "postprepare",
  "prepublish",
]);
/** In the repository only, which the texts say. */
const NOT_PACKED = /^(?:patches|examples)\/|^CONTRIBUTING\.md$/;

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

const manifest = (path: string): Manifest => JSON.parse(readFileSync(join(ROOT, path), "utf8")) as Manifest;

test.each(["package.json", "plugin/package.json"])("%s runs nothing when it is installed", (path) => {
  const names = Object.keys(manifest(path).scripts ?? {});
  expect(names.filter((name) => RUN_BY_NPM.has(name))).toEqual([]);
  // npm would build native code by itself where it finds this file.
  expect(existsSync(join(ROOT, dirname(path), "binding.gyp"))).toBe(false);
});

test("every relative link of README.md and docs/ leads to a packed file, or is listed as not packed", () => {
  const { files } = manifest("package.json");
  const pages = ["README.md", "SECURITY.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)];
  const targets = pages
    .filter((page) => page.endsWith(".md"))
    .flatMap((page) =>
      [...readFileSync(join(ROOT, page), "utf8").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) =>
        relative(ROOT, join(ROOT, dirname(page), target!)),
      ),
    );
  expect(targets.length).toBeGreaterThan(30);
  const packed = (path: string): boolean => files.some((each) => path === each || path.startsWith(`${each}/`));
  expect(targets.filter((path) => !packed(path) && !NOT_PACKED.test(path))).toEqual([]);
});
