/** The installed `probe` with what it cannot work with. What it finds is in test/gateway/probe.test.ts. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { command, emptyFolder, expectFailure } from "./command.ts";

const NOWHERE = "ws://127.0.0.1:1";

test.each([
  ["an address of another protocol", ["http://127.0.0.1:1"], /invalid gateway URL/],
  ["no gateway at the default address", [], /nothing listens at ws:\/\/127\.0\.0\.1:18789/],
  ["a port where nothing listens", [NOWHERE, "--allow-runs"], /nothing listens at ws:\/\/127\.0\.0\.1:1/],
  ["a message that would not be found again", [NOWHERE, "--message", "hello"], /--message must contain \{token\}/],
  ["a report that cannot be written", [NOWHERE, "--report", "/nowhere/x.html"], /cannot be written: .*ENOENT/],
  ["a missing token file", [NOWHERE, "--token-file", "/nowhere"], /token file cannot be read/],
])("probe exits with 2 and one line for %s", async (_, args, message) => {
  expectFailure(await command(["probe", ...args]), 2, message);
});

test.each([
  ["an invalid agent id", [NOWHERE, "--agent", "a:b"], /letters, digits/],
  ["no time to listen", [NOWHERE, "--seconds", "0"], /between 1 and 3600/],
  ["a token on the command line", [NOWHERE, "--token", "secret"], /unknown option '--token'/],
])("probe exits with 2 and usage help for %s", async (_, args, message) => {
  const { code, stdout, stderr } = await command(["probe", ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr.trim().split("\n")).toHaveLength(2);
});

test("a failing probe leaves the report of an earlier probe alone", async () => {
  const file = join(emptyFolder(), "report.html");
  writeFileSync(file, "earlier");
  const { code } = await command(["probe", NOWHERE, "--report", file]);
  expect({ code, text: readFileSync(file, "utf8") }).toEqual({ code: 2, text: "earlier" });
});
