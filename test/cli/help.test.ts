import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { command } from "./command.ts";

const SUBCOMMANDS = ["run", "enable", "disable", "doctor", "probe", "status", "wake"];

test("the command prints its version and lists its subcommands", async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
    version: string;
  };
  expect(await command(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
  const help = await command(["--help"]);
  expect(help.code).toBe(0);
  for (const name of SUBCOMMANDS) expect(help.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
});

test.each(SUBCOMMANDS)("%s prints its own help", async (name) => {
  const { code, stdout } = await command([name, "--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: openclaw-event-isolation ${name} [options]`);
});

test.each([
  ["an unknown command", ["frobnicate"], /unknown command 'frobnicate'/],
  ["an unknown option", ["doctor", "--frobnicate"], /unknown option '--frobnicate'/],
  [
    "a way that does not exist",
    ["enable", "--for", "cloud"],
    /Allowed choices are systemd, systemd-system, launchd, windows, /,
  ],
  ["a wake without a text", ["wake", "--session-key", "agent:ops:main"], /--text <text>' not specified/],
  ["a wake with an empty session key", ["wake", "--text", "x", "--session-key", ""], /Expected a name/],
  ["a wake with a blank agent", ["wake", "--text", "x", "--agent", " "], /Expected a name/],
  ["a mode that does not exist", ["wake", "--text", "x", "--mode", "soon"], /Allowed choices are now, next-heartbeat/],
  ["a token on the command line", ["status", "--token", "secret"], /unknown option '--token'/],
])("the command exits with 2 and says where help is for %s", async (_, args, message) => {
  const { code, stdout, stderr } = await command(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr).toContain("--help");
});

test("the command without a subcommand prints the help and fails", async () => {
  const { code, stderr } = await command([]);
  expect(code).toBe(2);
  expect(stderr).toContain("Commands:");
});
