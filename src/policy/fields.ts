/** Reading untrusted values: what clients send, what payloads hold, what a release answers. */

/** An object whose properties may hold anything. */
export type Fields = Readonly<Record<string, unknown>>;

const NONE: Fields = Object.freeze({});

/**
 * The value if it is an object and no list.
 *
 * @returns undefined for everything else
 */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** The same with an empty object for everything else, for reading properties off it. */
export function fieldsOrNone(value: unknown): Fields {
  return fieldsOf(value) ?? NONE;
}

/**
 * The value if it is a text with something in it.
 *
 * @returns undefined for everything else
 */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether a property says anything: upstream takes null and the empty text for a missing one. */
export function present(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
