/**
 * What isolates the gateway under test: the module, or with OPENCLAW_ISOLATED_BY=patch:<nn> one of
 * the upstream patches, in a copy of the release and without the module.
 */
import { selectPatches } from "../../patches/index.ts";
import type { Patch } from "../../patches/lib/codemod.ts";
import { patchedCopy } from "../../patches/lib/gateway-copy.ts";
import { type BedOptions, isolationRegister } from "../support/bed.ts";
import { merge } from "../support/gateway-config.ts";
import type { Release } from "../support/release.ts";

function isolatingPatch(): Patch | undefined {
  const by = process.env["OPENCLAW_ISOLATED_BY"];
  if (by === undefined || by === "module") return undefined;
  const number = /^patch:(\d+)$/.exec(by)?.[1];
  if (number === undefined) throw new Error(`OPENCLAW_ISOLATED_BY is "module" or "patch:<nn>", not "${by}"`);
  return selectPatches([number])[0]!.patch;
}

/** The release to boot as the isolated one; `remove` takes a copy away again. */
export function isolatedRelease(release: Release): { release: Release; remove(): void } {
  const patch = isolatingPatch();
  return patch ? patchedCopy(release, [patch]) : { release, remove: () => undefined };
}

/** How to boot it. */
export function isolated(options: BedOptions): BedOptions {
  const patch = isolatingPatch();
  if (!patch) return { preload: isolationRegister(), ...options };
  return { ...options, config: merge(options.config ?? {}, patch.config ?? {}) };
}
