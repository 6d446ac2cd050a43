import { expect, test } from "vitest";
import { otherPreloads, preloadProblem } from "../../src/attach/other-preloads.ts";
import { registerUrl } from "../../src/attach/preload.ts";

test("preloads of others are found in every form that Node takes, and ours is left out", () => {
  const words = ["--import=a", "--import", "b", "-r", "c", "--require=d", "--loader=e", "--experimental-loader", "f"];
  expect(
    otherPreloads([...words, `--import=${registerUrl()}`, "--import", "openclaw-event-isolation/register"]),
  ).toEqual([..."abcdef"]);
  expect(otherPreloads(["--max-old-space-size=1", "--importance=1", "--title", "--import"])).toEqual([]);
});

test("only Node 23 has a problem with another preload, in NODE_OPTIONS or as a flag", () => {
  expect(preloadProblem("23.11.1", '--import="/a b.mjs"', [])).toMatch(/another preload \(\/a b\.mjs\)/);
  expect(preloadProblem("23.5.0", undefined, ["--import=tsx"])).toMatch(/^Node 23\.5\.0 may hang at startup/);
  expect(preloadProblem("23.5.0", `--import=${registerUrl()}`, [])).toBeUndefined();
  expect(preloadProblem("22.15.0", "--import=tsx", [])).toBeUndefined();
  expect(preloadProblem("24.5.0", "--import=tsx", [])).toBeUndefined();
});
