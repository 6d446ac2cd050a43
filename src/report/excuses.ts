/**
 * What the judge lets pass: places where a gateway names sessions to everybody.
 *
 * Each row is a promise that is not kept. The shorter the list, the better: a row goes as soon as
 * the module keeps the keys of its event from those who do not claim the session.
 */
import type { Evidence } from "./shape.ts";

export interface Excuse {
  /** Name of the event, or `hello-ok` for the answer to `connect`. */
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
    reason: "the status snapshot for everybody lists the sessions that changed last",
  },
  {
    event: "presence",
    kind: "session key",
    path: /^payload\.presence\[\]\.watchedSessions\[\]$/,
    reason: "who looks at which session is shown to everybody",
  },
  {
    event: "hello-ok",
    kind: "session key",
    path: /^snapshot\.health\.(?:agents\[\]\.)?sessions\.recent\[\]\.key$/,
    reason: "the same snapshot as in `health`",
  },
  {
    event: "hello-ok",
    kind: "session key",
    path: /^snapshot\.presence\[\]\.watchedSessions\[\]$/,
    reason: "the same list as in `presence`",
  },
  {
    event: "hello-ok",
    kind: "session key",
    path: /^snapshot\.sessionDefaults\.mainSessionKey$/,
    reason: "the key of the main session follows from the config, whether there is one or not",
  },
];

/** Whether everybody may have what was found. */
export function isExcused(event: string, found: { readonly kind: Evidence; readonly path: string }): boolean {
  return EXCUSES.some((each) => each.event === event && each.kind === found.kind && each.path.test(found.path));
}
