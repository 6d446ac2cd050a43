/**
 * What the judge lets pass: places where a gateway names sessions to everybody.
 *
 * Each row is a promise that is not kept. The shorter the list, the better: a row goes as soon as
 * the module keeps the keys of its event from those who do not claim the session.
 */
import type { Evidence } from "./shape.ts";

export interface Excuse {
  /** Name of the event. */
  readonly event: string;
  /** Only keys are excused: text of a session never is. */
  readonly kind: "session key";
  /** Where in the frame, as the finder of secrets writes it. */
  readonly path: RegExp;
  readonly reason: string;
}

export const EXCUSES: readonly Excuse[] = [
  {
    event: "health",
    kind: "session key",
    path: /^payload\.(?:agents\[\]\.)?sessions\.recent\[\]\.key$/,
    reason:
      "the status snapshot lists the sessions that changed last: without the module to everybody, with it to connections that claim one of them",
  },
];

/** Whether everybody may have what was found. */
export function isExcused(event: string, found: { readonly kind: Evidence; readonly path: string }): boolean {
  return EXCUSES.some((each) => each.event === event && each.kind === found.kind && each.path.test(found.path));
}
