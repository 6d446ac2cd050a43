/** docs/troubleshooting.md knows every message that the module, its plugin and its command can print. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { accessDenied } from "../../src/delivery/access-guard.ts";
import { missingHeartbeatSeams } from "../../src/attach/heartbeat-seams.ts";
import { hookKeyRefusal, hookSessionRefusal } from "../../src/policy/hook-target.ts";

const ROOT = join(import.meta.dirname, "../..");
/** The client's errors are kinds, in docs/client.md. The report is no message. */
const NOT_LOOKED_AT = /^(?:client|report)[\\/]|^client\.ts$/;

/** How a message begins in the source: what is called, or named, with a text. */
const SAYS =
  /(?:\b(?:warn|info|refuse|refused|refusal|SettingsError|Failure|fail|super|unprotected|warnings\.push)\(|\blevel: "(?:warning|error)"(?: as const)?,\s*text:|\b(?:error|message|problem):|\bGLOBAL_ONLY =)\s*/g;
const LITERAL =
  /^(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\$]|\\.|\$(?!\{)|\$\{(?:[^{}`]|\{[^{}]*\}|`(?:[^`$]|\$\{[^{}]*\})*`)*\})*)`)/;

/** The messages of a source file, each as its longest part that is always the same. */
function messagesIn(source: string): string[] {
  return [...source.matchAll(SAYS)].flatMap(({ index, 0: call }) => {
    const [, plain, template] = LITERAL.exec(source.slice(index + call.length)) ?? [];
    const text = (plain ?? template)?.replaceAll(/\\(.)/g, "$1");
    const parts = text?.split(/\$\{(?:[^{}`]|\{[^{}]*\}|`(?:[^`$]|\$\{[^{}]*\})*`)*\}/) ?? [];
    const [longest = ""] = parts.toSorted((a, b) => b.length - a.length);
    return longest.includes(" ") ? [longest] : []; // one word is no message
  });
}

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
  const [session, method] = [accessDenied("", "session").message, accessDenied("", "method").message];
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
  const messages = [session.split(": ").at(-1)!, method.split(": ").at(-1)!, ...seams, ...hooks];
  expect(messages.filter((message) => !known(message))).toEqual([]);
});

test("the search finds the messages of src", () => {
  expect(inSources.length).toBeGreaterThan(80);
  expect(inSources).toEqual(expect.arrayContaining(["cannot attach to OpenClaw ", 'unknown setting "']));
});
