/** Applies patches to a base, or says what would become of it. */
import { readFileSync } from "node:fs";
import type { Base } from "./base.ts";
import { AnchorError, applyEdit, type Patch } from "./codemod.ts";

/**
 * - `applies`: every place is there, and at least one is not changed yet;
 * - `present`: every place is as the patch would have it, by the patch or by upstream;
 * - `absent`: the base has none of the code that the patch is about;
 * - `conflict`: upstream has changed a place, or has only some of them.
 */
export type State = "applies" | "present" | "absent" | "conflict";

export interface Outcome {
  readonly state: State;
  /** One line for each edit that is not simply possible. */
  readonly notes: readonly string[];
  /** Paths of changed and new files, below the base's root. */
  readonly changed: readonly string[];
}

/** Applies one patch; with `write` false, or unless it applies whole, nothing is written. */
export function applyPatch(base: Base, patch: Patch, write: boolean): Outcome {
  const upstreams = patch.resolvedBy?.find((name) => base.declaring(name, "").length > 0);
  if (upstreams !== undefined) return { state: "present", notes: [`upstream has ${upstreams}`], changed: [] };

  const texts = new Map<string, string>();
  const states: ("applied" | "present" | "absent" | "conflict")[] = [];
  const notes: string[] = [];
  const unneeded: { file: string; name: string }[] = [];
  const imports: { file: string; name: string; from: string }[] = [];

  for (const edit of patch.edits) {
    const { what, declaration, path } = edit;
    // Types are not part of a bundle.
    if (base.kind === "bundle" && edit.typesOnly) continue;
    const files = base.declaring(declaration, path);
    if (files.length === 0 && edit.optional) continue;
    if (files.length === 0) {
      states.push("absent");
      notes.push(`${what}: nothing declares ${declaration}`);
    }
    if (files.length > 1 && base.kind === "checkout") {
      states.push("conflict");
      notes.push(`${what}: ${declaration} is declared in ${files.join(", ")}; expected it in ${path}`);
      continue;
    }
    for (const file of files) {
      try {
        const before = texts.get(file) ?? base.read(file);
        const after = applyEdit(edit, before, file);
        states.push(after === undefined ? "present" : "applied");
        if (after === undefined) {
          notes.push(`${what}: already there in ${file}`);
          continue;
        }
        texts.set(file, after);
        for (const [name, from] of Object.entries(edit.imports ?? {})) imports.push({ file, name, from });
        for (const name of edit.unneeded ?? []) unneeded.push({ file, name });
      } catch (error) {
        if (!(error instanceof AnchorError)) throw error;
        states.push("conflict");
        notes.push(`${what}: ${file}: ${error.message}`);
      }
    }
  }

  const state = stateOf(states);
  if (state !== "applies" || !write) return { state, notes, changed: [] };

  const added = { ...patch.files, ...(base.kind === "checkout" ? patch.tests : {}) };
  for (const [path, source] of Object.entries(added)) {
    const place = base.placeOf(path);
    base.write(place, base.adapt(path, readFileSync(source, "utf8"), place));
  }
  for (const { file, name, from } of imports) texts.set(file, base.importInto(file, texts.get(file)!, name, from));
  for (const { file, name } of unneeded) texts.set(file, base.withoutUnused(texts.get(file)!, name));
  for (const [file, text] of texts) base.write(file, text);
  return { state, notes, changed: [...texts.keys(), ...Object.keys(added).map((path) => base.placeOf(path))] };
}

function stateOf(states: readonly ("applied" | "present" | "absent" | "conflict")[]): State {
  if (states.every((state) => state === "absent")) return "absent";
  if (states.every((state) => state === "present")) return "present";
  if (states.some((state) => state === "conflict" || state === "absent")) return "conflict";
  return "applies";
}
