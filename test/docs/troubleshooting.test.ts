/** The messages of src are in its two catalogues, from which docs/troubleshooting.md is made. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MESSAGES as OF_COMMAND } from "../../src/cli/messages.ts";
import { MESSAGES as OF_GATEWAY } from "../../src/messages.ts";
import { messagesIn } from "./messages.ts";

const SRC = join(import.meta.dirname, "../../src");
/** The client's errors are kinds, in docs/client.md. The report is not a message. */
const NOT_LOOKED_AT = /^(?:client|report)[\\/]|^client\.ts$/;
const CATALOGUE = /^(?:cli[\\/])?messages\.ts$/;

/** Texts that the search finds outside the catalogues, by file, and why they are not messages. */
const NOT_MESSAGES: Readonly<Record<string, string>> = {
  "cli/failure.ts: \ncaused by ": "a stack trace, shown with --verbose",
  "cli/gateway-target.ts: unreachable: the second attempt answers or throws": "cannot happen",
  "cli/probe-exchange.ts: , which the gateway archived in its agent's sessions folder (only the probe's own messages; it can be deleted)":
    "a part of probe's report",
  "cli/probe-run.ts: (release unknown)": "a part of probe's report",
  "cli/systemd.ts: no unit": "a state that the code compares",
  "delivery/numbering.ts: createGatewayBroadcaster numbered two frames ": "the reason in unknownBroadcaster",
  "gateway/config.ts: no configuration getter answered": "the reason in settingsUnreadable",
  "heartbeats/attach.ts: aborted for a user's message; it will run again": "an error for the release's own code",
};

const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !NOT_LOOKED_AT.test(file) && !CATALOGUE.test(file))
  .toSorted()
  .map((file) => ({ file: file.replaceAll("\\", "/"), text: readFileSync(join(SRC, file), "utf8") }));

test("no message of src is made outside the catalogues", () => {
  const found = sources.flatMap(({ file, text }) => messagesIn(text).map((message) => `${file}: ${message}`));
  expect(found).toEqual(Object.keys(NOT_MESSAGES));
});

test.each([
  ["the gateway's process", OF_GATEWAY, /^(?!cli)/],
  ["the command", OF_COMMAND, /^cli/],
])("every message in the catalogue of %s is in use", (_, catalogue, folders) => {
  const text = sources.flatMap((source) => (folders.test(source.file) ? [source.text] : [])).join("\n");
  const used = new Set([...text.matchAll(/\bMESSAGES\.(\w+)/g)].map(([, name]) => name!));
  expect([...used].toSorted()).toEqual(Object.keys(catalogue).toSorted());
});

test.each([
  ["in a call", 'log.warn("one thing");', ["one thing"]],
  [
    "in a call over several lines",
    "refuse(\n  // why\n  `so ${a} it must be: ${`b ${c}`} at least`,\n);",
    [" it must be: "],
  ],
  ["in a new error", 'throw new SettingsError(a ? "is one" : "is two");', ["is one", "is two"]],
  ["in any argument", 'throw new RequestError("wake", code, "the text is blank");', ["the text is blank"]],
  ["in a sum", 'this.warnings.push("first part" + b + "last");', ["first part"]],
  ["in an answer", 'respond({ error: "no such thing", message: text });', ["no such thing"]],
  ["in a finding", "finding.error(name, `it is now ${bad}!`);", ["it is now "]],
  ["in a finding of some level", 'finding[quiet ? "info" : "warning"](name, "it is so");', ["it is so"]],
  ["in a result", "return bad ? `this is ${bad}` : undefined;", ["this is "]],
  ["not in the catalogue", "log.warn(MESSAGES.someThing(a, b));", []],
  ["not in a good finding", 'finding.ok("x", "all is well");', []],
  ["not in a text or a comment", 'const a = \'warn("not this")\'; // warn("nor this")', []],
  ["not in another call or one word", 'tell("some text"); log.warn("word");', []],
])("the search finds a message %s", (_, source, messages) => {
  expect(messagesIn(source)).toEqual(messages);
});
