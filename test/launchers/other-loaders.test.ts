/** The module next to the loaders of others, on each Node around which Node's load hooks have changed. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Built, type Release } from "../attach/fake-release.ts";
import { AS_WITHOUT, inAllWays, mixedRelease, passThrough } from "../attach/with-loader.ts";
import { fromNpm, nodeFromNpm } from "../support/from-npm.ts";

/** The first with `module.registerHooks` of each major version, the last with and the first without the fault. */
const NODES = ["22.15.0", "22.18.0", "22.22.2", "22.22.3", "24.0.0", "24.5.0", "24.11.0"];
const NEWER_NODES = ["24.11.1", "24.21.0", "25.0.0", "25.9.0", "26.1.0", "26.12.1"];

const OPENTELEMETRY = { "@opentelemetry/instrumentation": "0.301.1", "@opentelemetry/api": "1.10.0" };

let built: Built;
let release: Release;
/** What is given to `--import`, by name. */
let loaders: Readonly<Record<string, string>>;

beforeAll(async () => {
  built = new Built();
  release = mixedRelease(built);
  const folder = await fromNpm(OPENTELEMETRY);
  const inFolder = (path: string): string => pathToFileURL(join(folder, "node_modules", path)).href;
  const hook = inFolder("@opentelemetry/instrumentation/hook.mjs");
  const hooks = inFolder("import-in-the-middle/register-hooks.mjs");
  loaders = {
    "a loader that passes everything on": passThrough(release),
    "OpenTelemetry's hook, as its documentation registers it": release.file(
      "opentelemetry.mjs",
      `import { register } from "node:module";\nregister(${JSON.stringify(hook)});\n`,
    ),
    "import-in-the-middle by module.registerHooks, where it wants to": release.file(
      "synchronous.mjs",
      `import { register, supportsSyncHooks } from ${JSON.stringify(hooks)};\nif (supportsSyncHooks()) register();\n`,
    ),
    tsx: import.meta.resolve("tsx"),
  };
}, 240_000);

afterAll(() => built?.remove());

describe.for([...NODES, ...NEWER_NODES])("Node %s", (version) => {
  test("the module attaches next to each loader, in both orders, and CommonJS is as without it", async ({ skip }) => {
    const program = await nodeFromNpm(version);
    if (program === undefined) return skip("there is no such Node for this system on npm");
    const alone = await release.run({ program });
    expect(alone).toMatchObject({ code: 0, said: [AS_WITHOUT], stderr: "" });
    for (const [loader, path] of Object.entries(loaders)) {
      const control = await release.run({ program, node: [`--import=${path}`] });
      expect({ loader, said: control.said }).toEqual({ loader, said: [{ ...AS_WITHOUT, attached: false }] });
      for (const [way, { code, said }] of await inAllWays(release, [built.register, path], program)) {
        expect({ loader, way, code, said }).toEqual({ loader, way, code: 0, said: [AS_WITHOUT] });
      }
    }
  });
});

test.for(["23.5.0", "23.11.1"])(
  "on Node %s a gateway with another preload ends with one line",
  async (version, { skip }) => {
    const program = await nodeFromNpm(version);
    if (program === undefined) return skip("there is no such Node for this system on npm");
    expect(await release.run({ program })).toMatchObject({ code: 0, said: [AS_WITHOUT], stderr: "" });
    for (const [way, { code, said, stderr }] of await inAllWays(release, [built.register, loaders["tsx"]!], program)) {
      expect({ way, code, said }).toEqual({ way, code: 78, said: [] });
      expect(stderr).toMatch(/^\[event-isolation\] Node 23\S+ may hang [^\n]+ 22\.15 or newer, but not 23[^\n]+\n$/);
    }
  },
);
