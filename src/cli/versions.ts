/**
 * Whether a version, of OpenClaw or of Node, is in a range. Only commands, scripts and tests compare versions: in a
 * gateway it only matters which functions are declared.
 */
import { coerce, satisfies } from "semver";

/**
 * @param version `2026.9.6` or `v24.21.0`; the part after a `-` is ignored
 * @param range as npm writes it, e.g. `>=2026.5.2 <2026.8`
 * @returns also false for an invalid version
 */
export function inRange(version: string, range: string): boolean {
  const plain = coerce(version);
  return plain !== null && satisfies(plain, range);
}
