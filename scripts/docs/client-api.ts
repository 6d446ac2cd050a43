/** The API part of docs/client.md, from the docstrings of src/client.ts and what it exports. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ENTRY = fileURLToPath(new URL("../../src/client.ts", import.meta.url));

interface Declaration {
  readonly name: string;
  readonly doc: string;
  readonly code: string;
}

/** What an entry re-exports: name and file. */
function exportsOf(entry: string): { name: string; file: string }[] {
  const source = readFileSync(entry, "utf8");
  return [...source.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)";/gm)].flatMap(([, names = "", from = ""]) =>
    names
      .split(",")
      .map((name) => name.replace(/^\s*type\s+/, "").trim())
      .filter((name) => name !== "")
      .map((name) => ({ name, file: join(dirname(entry), from) })),
  );
}

/** The declaration of a name, which the formatter starts in column 0 and ends at the next line that does. */
function declarationOf(name: string, file: string): Declaration {
  const lines = readFileSync(file, "utf8").split("\n");
  const head = new RegExp(`^export (?:async )?(?:function|class|interface|type|const) ${name}\\b`);
  const start = lines.findIndex((line) => head.test(line));
  if (start < 0) throw new Error(`${name} is not declared in ${file}`);
  const opens = lines.findLastIndex((line, i) => i < start && line.startsWith("/**"));
  const closes = lines.findIndex((line, i) => i >= opens && line.trimEnd().endsWith("*/"));
  if (opens < 0 || closes !== start - 1) throw new Error(`${name} in ${file} has no docstring`);
  const isFunction = / function /.test(lines[start]!);
  const isClass = / class /.test(lines[start]!);
  const ends = lines.findIndex(
    (line, i) => i >= start && (/^[})]/.test(line) || (line.endsWith(";") && !line.startsWith(" "))),
  );
  const last = ends < 0 ? lines.length - 1 : ends;
  // A type's last line may be an indented one.
  const typeEnd = lines.findIndex((line, i) => i >= start && line.endsWith(";"));
  const isUnion = / type /.test(lines[start]!) && !lines[start]!.endsWith("{");
  const body = lines.slice(start, (isUnion ? typeEnd : last) + 1);
  const code = isFunction ? signature(lines, start) : isClass ? fields(body) : body.join("\n");
  return { name, doc: textOf(lines.slice(opens, start)), code: code.replace(/^export /, "") };
}

function signature(lines: readonly string[], start: number): string {
  const end = lines.findIndex((line, i) => i >= start && line.endsWith("{"));
  return lines
    .slice(start, end + 1)
    .join("\n")
    .replace(/^export async /, "")
    .replace(/\s*\{$/, ";");
}

/** A class without the bodies: its fields with their comments, and its constructor's absence. */
function fields(body: readonly string[]): string {
  const kept = body.filter((line, i) => {
    const isComment = /^ {2}\/\*\*.*\*\/$/.test(line) && /^ {2}readonly /.test(body[i + 1] ?? "");
    return i === 0 || isComment || /^ {2}readonly /.test(line);
  });
  return [...kept, "}"].join("\n");
}

/** The text of a docstring, with its tags as lists and its links as code. */
function textOf(lines: readonly string[]): string {
  return lines
    .join("\n")
    .replace(/^\/\*\*\s?/, "")
    .replace(/\s*\*\/$/, "")
    .replaceAll(/^ \* ?/gm, "")
    .replaceAll(/\{@link ([^}]+)\}/g, "`$1`")
    .replaceAll(/^@param (\S+) /gm, "- `$1`: ")
    .replaceAll(/@throws /g, "Throws: ")
    .replaceAll(/^@returns /gm, "Returns: ")
    .trim();
}

/** Every export with its docstring and its declaration. */
export function clientApi(): string {
  return exportsOf(ENTRY)
    .map(({ name, file }) => declarationOf(name, file))
    .map(({ name, doc, code }) => `### ${name}\n\n${doc}\n\n\`\`\`ts\n${code}\n\`\`\`\n`)
    .join("\n");
}
