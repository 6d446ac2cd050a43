/** Reading untrusted values: what clients send, what payloads contain, what a release answers. */

/** An object whose properties may hold anything. */
export type Fields = Readonly<Record<string, unknown>>;

const NONE: Fields = Object.freeze({});

/**
 * The value if it is an object and not a list.
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
 * The value if it is a non-empty string.
 *
 * @returns undefined for everything else
 */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether a property is present: upstream treats null and the empty string as missing. */
export function present(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
