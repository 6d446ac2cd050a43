import { readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { connectGateway } from "../../src/cli/connect.ts";
import { isOldNode, OLDEST_CLIENT_NODE } from "../../src/cli/node-version.ts";
import { inRange } from "../../src/cli/versions.ts";

afterEach(() => void vi.unstubAllGlobals());

test.each([
  ["20.20.2", true],
  ["22.14.0", true],
  ["22.15.0", false],
  ["v22.22.3", false],
  ["23.4.0", true],
  ["v23.4.0", true],
  ["23.5.0", false],
  ["24.0.0", false],
  ["100.0.0", false],
])("the check that Node %s is too old to load the module answers %s", (version, old) => {
  expect(isOldNode(version)).toBe(old);
});

test.each([
  ["2026.10.1", "2026.9.6"],
  ["2026.9.10", "2026.9.6"],
  ["2027.1.1", "2026.12.31"],
  ["v22.19.0", "22.18.9"],
])("version %s comes after %s", (later, earlier) => {
  expect(inRange(later, `>${earlier}`)).toBe(true);
  expect(inRange(earlier, `<${later}`)).toBe(true);
  expect(inRange(earlier, `>=${later}`)).toBe(false);
});

test("a beta and a leading v do not change the place of a version", () => {
  expect(inRange("2026.9.6-beta.1", "2026.9.6")).toBe(true);
  expect(inRange("v24.0.0", "24.0.0")).toBe(true);
});

test.each(["", "main", "latest"])("%j is not a version and is in no range", (text) => {
  expect(inRange(text, "*")).toBe(false);
});

test("the command demands the Node version that the official client demands", () => {
  const manifest = new URL("../../node_modules/@openclaw/gateway-client/package.json", import.meta.url);
  const { engines } = JSON.parse(readFileSync(manifest, "utf8")) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${OLDEST_CLIENT_NODE}`);
});

test.each([
  ["22.18.0", "Node 22.18.0 is too old to connect to a gateway: update Node to 22.19.0 or newer"],
  ["22.19.0", "nothing listens at ws://127.0.0.1:9"],
])("on Node %s a connection to a closed port fails with: %s", async (node, message) => {
  vi.stubGlobal("process", Object.create(process, { versions: { value: { node } } }));
  await expect(connectGateway({ url: "ws://127.0.0.1:9", timeoutMs: 5_000 })).rejects.toThrow(message);
});
