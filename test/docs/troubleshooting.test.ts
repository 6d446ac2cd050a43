/** docs/troubleshooting.md knows every message that the module, its plugin and its command can print. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { accessDenied } from "../../src/delivery/access-guard.ts";
import { missingHeartbeatSeams } from "../../src/attach/seams.ts";
import { silentLine } from "../../src/policy/silence.ts";
import { hookKeyRefusal, hookSessionRefusal } from "../../src/policy/hook-target.ts";
import { messagesIn } from "./messages.ts";

const ROOT = join(import.meta.dirname, "../..");
/** The client's errors are kinds, in docs/client.md. The report is not a message. */
const NOT_LOOKED_AT = /^(?:client|report)[\\/]|^client\.ts$/;

const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !NOT_LOOKED_AT.test(file))
  .toSorted();
const page = readFileSync(join(ROOT, "docs/troubleshooting.md"), "utf8").replaceAll("\\|", "|");

/** As long as a reader needs to find it; the page may leave out the rest. */
function known(message: string): boolean {
  const start = message
    .replace(/^[^\p{L}"]+/u, "")
    .slice(0, 40)
    .trim();
  return page.includes(start);
}

const inSources = sources.flatMap((file) => messagesIn(readFileSync(join(ROOT, "src", file), "utf8")));

test("docs/troubleshooting.md has every message of src", () => {
  expect(inSources.filter((message) => !known(message))).toEqual([]);
});

test("docs/troubleshooting.md has every message of src that is put together", () => {
  const denials = (["session", "method"] as const).map((because) => accessDenied("", { allowed: false, because }));
  const seams = missingHeartbeatSeams(new Set()).map((line) => line.replace(/.* not found, so /, ""));
  const target = { written: "a", sessionKey: "agent:main:a", agentId: "main" };
  const allow = { allowRequestSessionKey: true, allowedSessionKeyPrefixes: [] };
  const hooks = [
    hookKeyRefusal("request", {}, { ...allow, allowRequestSessionKey: false })!,
    hookSessionRefusal(target, "request", { allowedAgentIds: ["b"] }, allow)!,
    hookSessionRefusal(target, "request", { allowedSessionKeyPrefixes: ["hook:"] }, allow)!
      .split("one of")
      .at(0)!,
  ];
  const silent = silentLine({ withheld: 1, observe: { displayName: "a" } }).replace(/^.* events/, "events");
  const messages = [silent, ...denials.map(({ message }) => message.split(": ").at(-1)!), ...seams, ...hooks];
  expect(messages.filter((message) => !known(message))).toEqual([]);
});

test("the search finds the messages of src", () => {
  expect(inSources.length).toBeGreaterThan(80);
  expect(inSources).toEqual(expect.arrayContaining(["cannot attach to OpenClaw ", '": expected one of ']));
});

test.each([
  ["in a call", 'log.warn("one thing");', ["one thing"]],
  [
    "in a call over several lines",
    "refuse(\n  // why\n  `so ${a} it must be: ${`b ${c}`} at least`,\n);",
    [" it must be: "],
  ],
  ["in a new error", 'throw new SettingsError(a ? "is one" : "is two");', ["is one", "is two"]],
  ["in a sum", 'this.warnings.push("first part" + b + "last");', ["first part"]],
  ["in an answer", 'respond({ error: "no such thing", message: text });', ["no such thing"]],
  ["in a finding", "finding.error(name, `it is now ${bad}!`);", ["it is now "]],
  ["in a finding of some level", 'finding[quiet ? "info" : "warning"](name, "it is so");', ["it is so"]],
  ["in a constant", 'const GLOBAL_ONLY = "only the global one";', ["only the global one"]],
  ["not in a good finding", 'finding.ok("x", "all is well");', []],
  ["not in a text or a comment", 'const a = \'warn("not this")\'; // warn("nor this")', []],
  ["not in another call or one word", 'tell("some text"); log.warn("word");', []],
])("the search finds a message %s", (_, source, messages) => {
  expect(messagesIn(source)).toEqual(messages);
});
