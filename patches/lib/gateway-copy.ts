/** A copy of an installed gateway that shares all files except the patched ones with the original. */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Release } from "../../test/support/gateway/release.ts";
import { applyPatch } from "./apply.ts";
import { openBundle } from "./base.ts";
import type { Patch } from "./codemod.ts";

export interface PatchedRelease {
  readonly release: Release;
  /** Files that the patch changed or added. */
  readonly changed: readonly string[];
  remove(): void;
}

const copies = new Set<string>();

process.on("exit", () => {
  for (const home of copies) rmSync(home, { recursive: true, force: true });
});

/**
 * Copies a release by hard links and applies patches to the copy; the original is not modified.
 *
 * @throws {Error} if one of them does not apply whole
 */
export function patchedCopy(original: Release, patches: readonly Patch[]): PatchedRelease {
  const home = mkdtempSync(join(tmpdir(), "openclaw-patched-"));
  copies.add(home);
  const remove = (): void => {
    rmSync(home, { recursive: true, force: true });
    copies.delete(home);
  };
  try {
    const packages = join(home, "node_modules");
    const dir = join(packages, "openclaw");
    linkTree(original.dir, dir);
    shareSiblings(dirname(original.dir), packages);
    const base = openBundle(dir);
    const changed = patches.flatMap((patch) => {
      const outcome = applyPatch(base, patch, true);
      if (outcome.state === "applies") return outcome.changed;
      const notes = outcome.notes.join("\n  ");
      throw new Error(`${patch.name} on OpenClaw ${original.version}: ${outcome.state}\n  ${notes}`);
    });
    return { release: { ...original, dir, entry: join(dir, "openclaw.mjs") }, changed, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Packages resolve from the real path of the importing file: those next to `openclaw` can stay where they are. */
function shareSiblings(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    if (name !== "openclaw") symlinkSync(join(from, name), join(to, name));
  }
}

function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else link(source, target);
  }
}

function link(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    // The temporary folder may be on another file system.
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    copyFileSync(source, target);
  }
}
