/** The part of JSON Schema that the settings need: its type, and the check of a value. */
import { MESSAGES } from "../messages.ts";

/** The part of JSON Schema that {@link parseBySchema} understands. */
export type Schema = {
  readonly description?: string;
  /** For the docs. */
  readonly examples?: readonly unknown[];
} & (
  | {
      readonly type: "object";
      readonly properties: Readonly<Record<string, Schema>>;
      readonly additionalProperties: false;
      readonly minProperties?: number;
    }
  | {
      readonly type: "array";
      readonly items: Schema;
      readonly default: readonly unknown[];
      readonly maxItems?: number;
    }
  | {
      readonly type: "string";
      readonly enum?: readonly string[];
      readonly default?: string;
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly pattern?: string;
    }
  | { readonly type: "boolean"; readonly default: boolean }
  | { readonly type: "integer"; readonly minimum: number; readonly maximum: number; readonly default?: number }
);

/** A setting is unknown, ill-typed or out of range. The message names it. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/**
 * Checks a value against a schema and fills in its defaults.
 *
 * @param path the names of the settings on the way to the value, for the error
 * @throws {SettingsError} naming the first setting that is unknown, ill-typed or out of range
 */
export function parseBySchema(schema: Schema, value: unknown, path = ""): unknown {
  switch (schema.type) {
    case "object":
      return parseObject(schema, value === undefined ? {} : value, path);
    case "array":
      if (value === undefined) return schema.default;
      if (!Array.isArray(value)) throw wrong(path, "a list", value);
      if (value.length > (schema.maxItems ?? Infinity))
        throw wrong(path, `at most ${schema.maxItems} items long`, value);
      return value.map((item, index) => parseBySchema(schema.items, item, `${path}[${index}]`));
    case "string":
      if (value === undefined) return schema.default;
      if (schema.enum && !schema.enum.includes(value as string)) {
        throw wrong(path, `one of ${schema.enum.map((each) => `"${each}"`).join(", ")}`, value);
      }
      if (typeof value !== "string" || value.length < (schema.minLength ?? 0)) {
        throw wrong(path, "a non-empty string", value);
      }
      if (value.length > (schema.maxLength ?? Infinity)) {
        throw wrong(path, `at most ${schema.maxLength} characters long`, value);
      }
      if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
        throw wrong(path, `a string that matches ${schema.pattern}`, value);
      }
      return value;
    case "boolean":
      if (value === undefined) return schema.default;
      if (typeof value !== "boolean") throw wrong(path, "true or false", value);
      return value;
    case "integer": {
      if (value === undefined) return schema.default;
      const { minimum, maximum } = schema;
      if (!Number.isInteger(value) || (value as number) < minimum || (value as number) > maximum) {
        throw wrong(path, `an integer between ${minimum} and ${maximum}`, value);
      }
      return value;
    }
  }
}

function parseObject(schema: Schema & { type: "object" }, value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(path, "an object", value);
  }
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(schema.properties, name)) continue;
    const known = Object.keys(schema.properties).join(", ");
    throw new SettingsError(MESSAGES.unknownSetting(join(path, name), known));
  }
  const parsed: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const item = parseBySchema(property, (value as Record<string, unknown>)[name], join(path, name));
    if (item !== undefined) parsed[name] = item;
  }
  if (Object.keys(parsed).length < (schema.minProperties ?? 0)) {
    throw new SettingsError(MESSAGES.emptySetting(path, Object.keys(schema.properties).join(", ")));
  }
  return parsed;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function wrong(path: string, expected: string, value: unknown): SettingsError {
  const shown = JSON.stringify(value)?.slice(0, 60) ?? String(value);
  return new SettingsError(MESSAGES.wrongSetting(path, expected, shown));
}
