/** What one OpenClaw package has of the functions that the module attaches to; it is read, not run. */
import { join } from "node:path";
import { scanPackage } from "../attach/loader.ts";
import { SEAM_FUNCTIONS, SEAMS } from "../attach/seams.ts";
import { UPSTREAM_PARTS } from "../attach/upstream.ts";
import { Failure } from "./failure.ts";

export interface SeamSurvey {
  readonly name: string;
  readonly purpose: string;
  readonly required: boolean;
  /** Which of the seam's functions are declared where, by file relative to the package. None: not found. */
  readonly found: readonly { readonly function: string; readonly files: readonly string[] }[];
}

export interface Survey {
  /** `attach`: every required seam is there. `refuse`: one is not, the gateway will end with code 78. */
  readonly verdict: "attach" | "refuse";
  readonly seams: readonly SeamSurvey[];
  /** What the release does itself, so that the module stands down. */
  readonly standDown: readonly { readonly name: string; readonly text: string }[];
}

/**
 * Looks for all seams in a package.
 *
 * @param root the package's folder
 * @throws {Failure} if it has no readable `dist` folder
 */
export function survey(root: string): Survey {
  let found: ReadonlyMap<string, readonly string[]>;
  try {
    found = scanPackage(root, [...SEAM_FUNCTIONS, ...UPSTREAM_PARTS.map((part) => part.function)]);
  } catch (cause) {
    throw new Failure(`${join(root, "dist")} cannot be read: is this a built openclaw package?`, { cause });
  }
  const seams = SEAMS.map(({ name, purpose, required, functions }) => ({
    name,
    purpose,
    required,
    found: functions.flatMap((each) => {
      const files = found.get(each);
      return files ? [{ function: each, files }] : [];
    }),
  }));
  return {
    verdict: seams.every(({ required, found: any }) => !required || any.length > 0) ? "attach" : "refuse",
    seams,
    standDown: UPSTREAM_PARTS.filter((part) => found.has(part.function)).map(({ name, standDown }) => ({
      name,
      text: standDown,
    })),
  };
}
