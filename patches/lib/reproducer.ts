/** What a patch's `reproduce.ts` exports. */
import pLimit from "p-limit";
import type { OpenBed } from "../../test/support/gateway/bed.ts";
import type { Release } from "../../test/support/gateway/release.ts";

export interface Reproducer<B extends OpenBed = OpenBed> {
  /** Published releases that have the problem and to which the patch applies. */
  readonly bases: readonly string[];
  /** Boots a gateway for the scene. */
  open(release: Release): Promise<B>;
  /**
   * Provokes the problem on a gateway.
   *
   * @returns what is wrong, one line each; nothing on a gateway that has the patch
   * @throws {Error} if the scene itself fails, which proves nothing
   */
  run(bed: B): Promise<string[]>;
}

/** What reproduces a problem on one release. */
export interface Scene {
  readonly bases: readonly string[];
  /** Boots the release, runs the scene and stops everything. */
  problems(release: Release): Promise<string[]>;
}

/** One at a time: two gateways that boot at once on two cores run into timeouts. */
const booting = pLimit(1);

/** Boots; a boot that fails says nothing of a patch, so that it is tried a second time. */
function boot<B>(open: () => Promise<B>): Promise<B> {
  return booting(() =>
    open().catch((error: unknown) => {
      process.stderr.write(`did not boot, once more: ${String(error).split("\n")[0]}\n`);
      return open();
    }),
  );
}

/** Makes a reproducer runnable without knowledge of its bed. */
export function scene<B extends OpenBed>({ bases, open, run }: Reproducer<B>): Scene {
  return {
    bases,
    async problems(release) {
      const bed = await boot(() => open(release));
      try {
        return await run(bed);
      } finally {
        await bed.close();
      }
    },
  };
}
