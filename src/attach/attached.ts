/** The functions of OpenClaw that were found: the originals, their files, and their replacements. */
import { declaredNames, scanPackage } from "./loader.ts";
import {
  HEARTBEAT_SEAMS,
  missingHeartbeatSeams,
  missingSeams,
  namesIn,
  type Seam,
  SEAM_FUNCTIONS,
  SEAMS,
} from "./seams.ts";

type Fn = (...args: never[]) => unknown;

export class Attached {
  readonly #originals = new Map<string, Fn[]>();
  readonly #replaced = new Map<string, Fn[]>();
  readonly #files = new Map<string, string[]>();

  /** Some releases ship several copies of a module: then there are several functions of a name. */
  found(name: string, original: Fn): void {
    push(this.#originals, name, original);
  }

  replacedBy(name: string, replacement: Fn): void {
    push(this.#replaced, name, replacement);
  }

  /** Records the module in which functions were found. */
  seenIn(file: string, names: readonly string[]): void {
    for (const name of names) push(this.#files, name, file);
  }

  has(name: string): boolean {
    return this.#originals.has(name);
  }

  readonly names = (): ReadonlySet<string> => new Set(this.#originals.keys());

  /** The functions of a name, in the order in which they were found. */
  readonly originals = (name: string): readonly Fn[] => this.#originals.get(name) ?? [];

  /** Their replacements, in the same order. */
  readonly replacements = (name: string): readonly Fn[] => this.#replaced.get(name) ?? [];

  /** Required seams without a function in the modules that have loaded so far. */
  missing(): readonly Seam[] {
    return missingSeams(this.names());
  }

  /**
   * Required seams without a function anywhere in the package; those in a module that has not loaded yet do not
   * count.
   */
  missingFrom(root: string): readonly Seam[] {
    return missingSeams(new Set([...this.names(), ...declaredIn(root)]));
  }

  /**
   * The lines to log about missing functions of heartbeats: neither loaded nor declared in the package.
   *
   * @throws {Error} if the package has no readable dist folder
   */
  async missingForHeartbeats(root: string): Promise<readonly string[]> {
    const loaded = this.names();
    if (missingHeartbeatSeams(loaded).length === 0) return [];
    const others = namesIn(HEARTBEAT_SEAMS).filter((name) => !loaded.has(name));
    return missingHeartbeatSeams(new Set([...loaded, ...(await declaredNames(root, others))]));
  }

  /** Every seam of the table, for the status. */
  seams() {
    return SEAMS.map((seam) => {
      const attached = namesIn([seam]).filter((each) => this.#originals.has(each));
      return {
        name: seam.name,
        functions: attached,
        files: [...new Set(attached.flatMap((each) => this.#files.get(each) ?? []))],
        required: seam.required === true,
        state: attached.length > 0 ? ("attached" as const) : ("missing" as const),
      };
    });
  }
}

function push<T>(lists: Map<string, T[]>, name: string, item: T): void {
  lists.set(name, [...(lists.get(name) ?? []), item]);
}

function declaredIn(root: string): readonly string[] {
  try {
    return [...scanPackage(root, SEAM_FUNCTIONS).keys()];
  } catch {
    return []; // no readable dist folder: nothing is declared there
  }
}
