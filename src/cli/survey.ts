/** Finds the functions to which the module attaches in one OpenClaw package, by reading it, not by running it. */
import { join } from "node:path";
import { scanPackage } from "../attach/loader.ts";
import {
  leftAlone,
  missingSeams,
  namesIn,
  releasesWith,
  SEAM_FUNCTIONS,
  SEAMS,
  standingDown,
} from "../attach/seams.ts";
import { Failure } from "./failure.ts";
import { inRange } from "./versions.ts";
import { MESSAGES } from "./messages.ts";

export interface SeamSurvey {
  readonly name: string;
  readonly purpose: string;
  readonly required: boolean;
  /** The consequence if none of the functions is found. */
  readonly without: string;
  /** Where the seam's functions are declared, by file relative to the package. Empty if none is found. */
  readonly found: readonly { readonly function: string; readonly files: readonly string[] }[];
  /** Functions that were not found, though the release should declare them. */
  readonly lost: readonly string[];
}

export interface Survey {
  /** `attach`: every required seam is there. `refuse`: one is missing, so the gateway will exit with code 78. */
  readonly verdict: "attach" | "refuse";
  readonly seams: readonly SeamSurvey[];
  /** Work that the release does itself, so that the module stands down. */
  readonly standDown: readonly { readonly name: string; readonly text: string }[];
}

/**
 * Looks for all seams in a package.
 *
 * @param root the package's folder
 * @param release its version
 * @throws {Failure} if it has no readable `dist` folder
 */
export function survey(root: string, release: string): Survey {
  let files: ReadonlyMap<string, readonly string[]>;
  try {
    files = scanPackage(root, SEAM_FUNCTIONS);
  } catch (cause) {
    throw new Failure(MESSAGES.noDist(join(root, "dist")), { cause });
  }
  const found = new Set(files.keys());
  const expected = declaredBy(release);
  return {
    verdict: missingSeams(found).length === 0 ? "attach" : "refuse",
    seams: SEAMS.map((seam) => {
      const names = namesIn([seam]);
      return {
        name: seam.name,
        purpose: seam.purpose,
        required: seam.required === true,
        without: seam.without,
        found: names.flatMap((name) => {
          const of = files.get(name);
          return of ? [{ function: name, files: of }] : [];
        }),
        lost: names.filter((name) => expected.has(name) && !found.has(name)),
      };
    }),
    standDown: [
      ...standingDown(found).map(({ name, standsDown }) => ({ name, text: standsDown! })),
      ...leftAlone(release).map(({ name, purpose, leftAlone: why }) => ({
        name,
        text: `the module never ${purpose} on this release: ${why!.because}`,
      })),
    ],
  };
}

/** The functions that a release declares, according to the table of seams. */
export function declaredBy(release: string): ReadonlySet<string> {
  const functions = SEAMS.flatMap((seam) => seam.functions);
  return new Set(functions.filter((each) => inRange(release, releasesWith(each))).map(({ name }) => name));
}
