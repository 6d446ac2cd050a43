/** What a patch's `reproduce.ts` exports. */
import type { Bed, BedOptions } from "../../test/support/bed.ts";

export interface Reproducer {
  /** Published releases that have the problem and to which the patch applies. */
  readonly bases: readonly string[];
  /** How the gateway is configured; reproducers with the same options share a plain gateway. */
  readonly options: BedOptions;
  /**
   * Provokes the problem on a gateway.
   *
   * @returns what is wrong, one line each; nothing on a gateway that has the patch
   * @throws {Error} if the scene itself fails, which proves nothing
   */
  run(bed: Bed): Promise<string[]>;
}
