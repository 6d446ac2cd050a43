/**
 * How long a test waits for what has to come, in milliseconds. It costs nothing where the thing
 * comes; on a busy machine the first run of a gateway of 2026.9 takes more than 30 s.
 */
export const PATIENCE_MS = 90_000;
