/**
 * What isolates the gateway under test: the module, or with OPENCLAW_ISOLATED_BY=patch:<nn> one of
 * the upstream patches, in a copy of the release and without the module.
 */
import type { Patch } from "../../patches/lib/codemod.ts";
import { type BedOptions, isolationRegister } from "../support/gateway/bed.ts";
import { merge } from "../support/gateway/gateway-config.ts";
import type { Release } from "../support/gateway/release.ts";

async function isolatingPatch(): Promise<Patch | undefined> {
  const by = process.env["OPENCLAW_ISOLATED_BY"];
  if (by === undefined || by === "module") return undefined;
  const number = /^patch:(\d+)$/.exec(by)?.[1];
  if (number === undefined) throw new Error(`OPENCLAW_ISOLATED_BY is "module" or "patch:<nn>", not "${by}"`);
  // Loads a compiler, which no other run needs.
  const { selectPatches } = await import("../../patches/index.ts");
  return selectPatches([number])[0]!.patch;
}

/** The release to boot as the isolated one; `remove` takes a copy away again. */
export async function isolatedRelease(release: Release): Promise<{ release: Release; remove(): void }> {
  const patch = await isolatingPatch();
  if (!patch) return { release, remove: () => undefined };
  const { patchedCopy } = await import("../../patches/lib/gateway-copy.ts");
  return patchedCopy(release, [patch]);
}

/** How to boot it. */
export async function isolated(options: BedOptions): Promise<BedOptions> {
  const patch = await isolatingPatch();
  if (!patch) return { preload: isolationRegister(), ...options };
  return { ...options, config: merge(options.config ?? {}, patch.config ?? {}) };
}
