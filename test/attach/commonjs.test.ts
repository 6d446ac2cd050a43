/** CommonJS modules and the loaders of others, in real processes. All versions of Node: test/launchers. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { losesCommonJs } from "../../src/attach/commonjs.ts";
import { Built } from "./fake-release.ts";
import { AS_WITHOUT, inAllWays, mixedRelease, passThrough } from "./with-loader.ts";

vi.setConfig({ testTimeout: 30_000 });

let built: Built;

beforeAll(() => {
  built = new Built();
}, 60_000);

afterAll(() => built?.remove());

test.each([
  ["22.15.0", true],
  ["22.22.2", true],
  ["22.22.3", false],
  ["22.23.0", false],
  ["23.5.0", true],
  ["23.11.1", true],
  ["24.0.0", true],
  ["24.11.0", true],
  ["24.11.1", false],
  ["24.21.0", false],
  ["25.0.0", true],
  ["25.1.0", false],
  ["26.0.0", false],
  ["27.0.0-nightly1", false],
])("the check that load hooks of Node %s lose the source of CommonJS modules answers %s", (version, loses) => {
  expect(losesCommonJs(version)).toBe(loses);
});

test("CommonJS modules of a gateway with the module run in Node's own loader, as without it", async () => {
  const release = mixedRelease(built);
  expect((await release.run({ node: [] })).said).toEqual([{ ...AS_WITHOUT, attached: false }]);
  expect(await release.run()).toMatchObject({ code: 0, stderr: "", said: [AS_WITHOUT] });
});

test("the module attaches next to a loader of module.register, whichever is loaded first", async () => {
  const release = mixedRelease(built);
  for (const [way, { code, said, stderr }] of await inAllWays(release, [built.register, passThrough(release)])) {
    expect({ way, code, said, stderr }).toEqual({ way, code: 0, said: [AS_WITHOUT], stderr: "" });
  }
});
