/** The installed `probe` with what it cannot work with. What it finds is in test/gateway/probe.test.ts. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { command, emptyFolder, expectFailure } from "./command.ts";

const NOWHERE = "ws://127.0.0.1:1";

test.each([
  ["an address of another kind", ["http://127.0.0.1:1"], /is no gateway's address/],
  ["a port where nothing listens", [NOWHERE, "--allow-runs"], /nothing listens at ws:\/\/127\.0\.0\.1:1/],
  ["a message that would not be found again", [NOWHERE, "--message", "hello"], /--message needs a \{token\}/],
  ["a report that cannot be written", [NOWHERE, "--report", "/nowhere/x.html"], /cannot be written: .*ENOENT/],
  ["a token file that is not there", [NOWHERE, "--token-file", "/nowhere"], /token file cannot be read/],
])("%s is one line, exit code 2", async (_, args, message) => {
  expectFailure(await command(["probe", ...args]), 2, message);
});

test.each([
  ["no address", [], /missing required argument 'url'/],
  ["an agent's id that is none", [NOWHERE, "--agent", "a:b"], /letters, digits/],
  ["no time to listen", [NOWHERE, "--seconds", "0"], /from 1 to 3600/],
  ["a token on the command line", [NOWHERE, "--token", "secret"], /unknown option '--token'/],
])("%s is wrong usage, exit code 2", async (_, args, message) => {
  const { code, stdout, stderr } = await command(["probe", ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr.trim().split("\n")).toHaveLength(2);
});

test("a report of an earlier probe is left alone when the next one fails", async () => {
  const file = join(emptyFolder(), "report.html");
  writeFileSync(file, "earlier");
  const { code } = await command(["probe", NOWHERE, "--report", file]);
  expect({ code, text: readFileSync(file, "utf8") }).toEqual({ code: 2, text: "earlier" });
});
