/** A gateway run of a made-up release with another preload next to the module. */
import type { Built, Ended, Release } from "./fake-release.ts";
import { CHUNK, SAY } from "./fake-release.ts";

/** What a gateway run with the module says, whatever else is loaded: as without the module, but attached. */
export const AS_WITHOUT = { attached: true, cache: "object", extensions: "object", patched: true, json: 1 };

/**
 * A release that imports modules of all kinds, and says whether the module has attached, and which `require` an
 * imported CommonJS module has: Node's own has a cache, and is what tracers have put themselves around.
 */
export function mixedRelease(built: Built): Release {
  return built.release({
    "dist/chunk-abc.mjs": CHUNK,
    "dist/inner.cjs": "exports.inner = true;\n",
    "dist/legacy.cjs": `exports.cache = typeof require.cache;
exports.extensions = typeof require.extensions;
exports.patched = require("./inner.cjs").patched;
`,
    "dist/data.json": '{"one":1}',
    "openclaw.mjs": `${SAY}import Module from "node:module";
const { require: original } = Module.prototype;
Module.prototype.require = function (id) {
  const exported = original.call(this, id);
  if (id === "./inner.cjs") exported.patched = true;
  return exported;
};
const { t } = await import("./dist/chunk-abc.mjs");
const { cache, extensions, patched } = await import("./dist/legacy.cjs");
const { default: json } = await import("./dist/data.json", { with: { type: "json" } });
say({ attached: !String(t).includes("the release's own"), cache, extensions, patched, json: json.one });`,
  });
}

/** A preload with a loader that passes everything on, by `module.register`. @returns its path */
export function passThrough(release: Release): string {
  const hooks = "export const load = (url, context, nextLoad) => nextLoad(url, context);";
  return release.file(
    "pass-through.mjs",
    `import { register } from "node:module";\nregister("data:text/javascript,${encodeURIComponent(hooks)}");\n`,
  );
}

/** Runs it with the module and another preload: in both orders, by flags and by NODE_OPTIONS. */
export async function inAllWays(
  release: Release,
  [ours, other]: readonly [string, string],
  program?: string,
): Promise<ReadonlyMap<string, Ended>> {
  const results = new Map<string, Ended>();
  for (const imports of [
    [ours, other],
    [other, ours],
  ]) {
    const node = imports.map((each) => `--import=${each}`);
    const order = imports[0] === ours ? "module first" : "module last";
    results.set(`${order}, flags`, await release.run({ node, program }));
    const env = { NODE_OPTIONS: node.join(" ") };
    results.set(`${order}, NODE_OPTIONS`, await release.run({ node: [], env, program }));
  }
  return results;
}
