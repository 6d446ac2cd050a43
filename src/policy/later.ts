/** Time, as far as the policy needs it: somebody else has the clock. */

/** Does something after a time in milliseconds. Returns what calls it off. */
export type Later = (ms: number, action: () => void) => () => void;

/** No clock: nothing is ever too late. */
export const NEVER: Later = () => () => {};
