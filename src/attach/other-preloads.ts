/** The modules that Node loads before the program, other than this one. */
import { isOurs } from "./preload.ts";
import { optionWords } from "./process.ts";
import { MESSAGES } from "../messages.ts";

const LOADS = /^(?:--import|--require|-r|--loader|--experimental-loader)(?:=(.*))?$/s;

/** @param words Node's options, e.g. `process.execArgv`. @returns the specifiers, in order */
export function otherPreloads(words: readonly string[]): readonly string[] {
  return words
    .map((word, index) => {
      const match = LOADS.exec(word);
      return match ? (match[1] ?? words[index + 1]) : undefined;
    })
    .filter((specifier) => specifier !== undefined && !isOurs(specifier)) as string[];
}

/**
 * Why this Node must not start a gateway with the module: undefined if it may.
 *
 * Node 23 may lose a message between its threads when a loader of `module.register` and load hooks are both in use,
 * and then waits forever. Node 23 has ended, and other majors do not have the fault.
 *
 * @param version of Node, e.g. `23.11.1`
 * @param options value of NODE_OPTIONS
 * @param execArgv Node's options on the command line
 */
export function preloadProblem(
  version: string,
  options: string | undefined,
  execArgv: readonly string[],
): string | undefined {
  if (!version.startsWith("23.")) return undefined;
  const others = otherPreloads([...optionWords(options ?? ""), ...execArgv]);
  return others.length === 0 ? undefined : MESSAGES.hangsWithPreload(version, others.join(", "));
}
