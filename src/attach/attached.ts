/** OpenClaw's functions as they were found, where, and what its callers got in their place. */
import { missingSeams, type Seam, SEAM_FUNCTIONS, SEAMS } from "./seams.ts";
import { scanPackage } from "./loader.ts";

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

  /** Notes in which module functions were found. */
  seenIn(file: string, names: readonly string[]): void {
    for (const name of names) push(this.#files, name, file);
  }

  has(name: string): boolean {
    return this.#originals.has(name);
  }

  readonly names = (): ReadonlySet<string> => new Set(this.#originals.keys());

  /** The functions of a name, in the order in which they were found. */
  readonly originals = (name: string): readonly Fn[] => this.#originals.get(name) ?? [];

  /** What callers got in place of them, in the same order. */
  readonly replacements = (name: string): readonly Fn[] => this.#replaced.get(name) ?? [];

  /** Required seams that were not found among what has loaded so far. */
  missing(): readonly Seam[] {
    return missingSeams(this.names());
  }

  /** Required seams that are nowhere in the package either: their module may just not have been loaded yet. */
  missingFrom(root: string): readonly Seam[] {
    return missingSeams(new Set([...this.names(), ...declaredIn(root)]));
  }

  /** Every seam of the table, for the status. */
  seams() {
    return SEAMS.map(({ name, functions, required }) => {
      const attached = functions.filter((each) => this.#originals.has(each));
      return {
        name,
        functions: attached,
        files: [...new Set(attached.flatMap((each) => this.#files.get(each) ?? []))],
        required,
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
