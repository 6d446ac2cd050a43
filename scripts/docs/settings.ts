/** The settings for docs/settings.md, from their schema: what the plugin's manifest says too. */
import { markdownTable } from "../../src/report/columns.ts";
import type { Schema } from "../../src/policy/schema.ts";
import { settingsSchema } from "../../src/policy/settings.ts";

interface Setting {
  /** E.g. `heartbeat.quietMs`, `access[].match.deviceId`. */
  readonly path: string;
  readonly schema: Schema;
}

/** One row a setting: name, default, and the first sentence of what it means. */
export function settingsTable(): string {
  const rows = leaves(settingsSchema, "").map(({ path, schema }) => [
    `[\`${path}\`](#${anchor(path)})`,
    defaultOf(schema),
    firstSentence(schema.description),
  ]);
  return markdownTable([["setting", "default", "meaning"], ...rows]);
}

/** A section for each setting, and a table for the fields of those that are lists of objects. */
export function settingsReference(): string {
  return sections(settingsSchema, "", 3).join("\n\n");
}

function sections(schema: Schema, path: string, depth: number): string[] {
  if (schema.type !== "object") return [];
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const at = join(path, name);
    const head = `${"#".repeat(depth)} ${at}`;
    const text = (property.description ?? "").replaceAll(/\bdocs\/([\w-]+\.md)/g, "[$1]($1)");
    if (property.type === "object") return [head, text, ...sections(property, at, depth + 1)];
    const facts = [`Type: ${typeOf(property)}`, `default: ${defaultOf(property)}`];
    const fields = property.type === "array" ? leaves(property.items, "") : [];
    return [
      head,
      `${facts.join("; ")}.`,
      text,
      ...(fields.length > 0 ? [`Fields of each item:`, fieldTable(fields)] : []),
      ...(property.examples ?? []).map((example) => `\`\`\`json\n${exampleOf(at, example)}\n\`\`\``),
    ];
  });
}

function fieldTable(fields: readonly Setting[]): string {
  const rows = fields.map(({ path, schema }) => [`\`${path}\``, typeOf(schema), schema.description ?? ""]);
  return markdownTable([["field", "type", "meaning"], ...rows]);
}

/** All settings that hold a value. */
function leaves(schema: Schema, path: string): Setting[] {
  if (schema.type !== "object") return path === "" ? [] : [{ path, schema }];
  return Object.entries(schema.properties).flatMap(([name, property]) => leaves(property, join(path, name)));
}

function typeOf(schema: Schema): string {
  switch (schema.type) {
    case "object":
      return "object";
    case "boolean":
      return "`true` or `false`";
    case "integer":
      return `integer between ${schema.minimum} and ${schema.maximum}`;
    case "string":
      if (schema.enum) return schema.enum.map((each) => `\`"${each}"\``).join(" or ");
      return "string";
    case "array": {
      const items = schema.items.type === "object" ? "objects" : "strings";
      return schema.maxItems === undefined ? `list of ${items}` : `list of at most ${schema.maxItems} ${items}`;
    }
  }
}

function defaultOf(schema: Schema): string {
  const value = "default" in schema ? schema.default : undefined;
  return value === undefined ? "by release" : `\`${JSON.stringify(value)}\``;
}

/** The setting as it stands in the configuration, laid out as the formatter does. */
function exampleOf(path: string, value: unknown): string {
  const nested = path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  const line = compact(nested);
  return line.length <= 100 ? line : `{\n  "${path}": ${compact(value)}\n}`;
}

function compact(value: unknown): string {
  return JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, " ").replaceAll("[ ", "[").replaceAll(" ]", "]");
}

function firstSentence(text = ""): string {
  return /^.+?\.(?= [A-Z]|$)/.exec(text)?.[0].slice(0, -1) ?? text;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** As GitHub makes it of a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-");
}
