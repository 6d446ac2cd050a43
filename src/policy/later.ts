/** Time, as far as the policy needs it: the caller has the clock. */

/** Calls a function after a time in milliseconds. Returns a function that cancels it. */
export type Later = (ms: number, action: () => void) => () => void;

/** No clock: nothing is ever too late. */
export const NEVER: Later = () => () => {};
