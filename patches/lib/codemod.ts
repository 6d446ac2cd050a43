/** A change to OpenClaw's code, as edits of declarations that are found by name and structure. */
import { ts } from "@ts-morph/common";
import { findAll, type Match, parse } from "./pattern.ts";

/** A patch that can be proposed upstream. */
export interface Patch {
  /** The folder's name, `01-…`. */
  readonly name: string;
  readonly title: string;
  readonly edits: readonly Edit[];
  /** New files, by their path in upstream's tree; the text is read from the patch's own folder. */
  readonly files?: Readonly<Record<string, URL>>;
  /** Tests for upstream's tree, the same way. They are not part of a bundle. */
  readonly tests?: Readonly<Record<string, URL>>;
  /** Functions by which to know that upstream does the same in another way. */
  readonly resolvedBy?: readonly string[];
  /** The gateway's configuration that turns the patch on, if it is off by default. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A change of one top-level declaration. */
export interface Edit {
  readonly what: string;
  /** Name of the function or constant at the top level of a module. */
  readonly declaration: string;
  /** Upstream's file. Another one that declares the name is taken if it is not there. */
  readonly path: string;
  /** How to know that the change is there already, by this patch or by upstream: a structure, or text. */
  readonly present: string | RegExp;
  /** Values that the new code needs, and the upstream file each is exported from. */
  readonly imports?: Readonly<Record<string, string>>;
  /** Imports of which the change leaves no use, perhaps. */
  readonly unneeded?: readonly string[];
  /** A base that does not declare it needs no such change. */
  readonly optional?: boolean;
  /** It changes types only, of which a bundle has none. */
  readonly typesOnly?: boolean;
  change(code: Code): void;
}

/** An anchor that is not there exactly once: upstream has changed the place. */
export class AnchorError extends Error {
  override readonly name = "AnchorError";
}

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A declaration under change. */
export class Code {
  readonly file: ts.SourceFile;
  readonly declaration: ts.Node;
  readonly #name: string;
  readonly #splices: Splice[] = [];

  constructor(file: ts.SourceFile, name: string) {
    const declaration = declarationsOf(file).get(name);
    if (!declaration) throw new AnchorError(`${file.fileName} does not declare ${name}`);
    this.file = file;
    this.declaration = declaration;
    this.#name = name;
  }

  /** The one place that has the structure of `pattern`, or of the first of several that is there at all. */
  one(pattern: string | readonly string[], root: ts.Node = this.declaration): Match {
    for (const each of typeof pattern === "string" ? [pattern] : pattern) {
      const found = findAll(root, each);
      if (found.length > 1) throw new AnchorError(`${this.#name} has ${found.length} places like: ${each}`);
      if (found[0]) return found[0];
    }
    throw new AnchorError(`${this.#name} has no place like: ${String(pattern)}`);
  }

  /** Every place that has the structure, at least one. */
  all(pattern: string, root: ts.Node = this.declaration): Match[] {
    const found = findAll(root, pattern);
    if (found.length === 0) throw new AnchorError(`${this.#name} has no place like: ${pattern}`);
    return found;
  }

  /** The statement of a block or file that holds a node. */
  statementOf(node: ts.Node): ts.Node {
    const { parent } = node;
    if (!parent || ts.isBlock(parent) || ts.isSourceFile(parent) || ts.isCaseOrDefaultClause(parent)) return node;
    return this.statementOf(parent);
  }

  /** The source of a node. */
  text(node: ts.Node): string {
    return node.getText(this.file);
  }

  replace(node: ts.Node, code: string): void {
    this.#splices.push({ start: node.getStart(this.file), end: node.getEnd(), text: this.#indented(node, code) });
  }

  /** Puts statements in front of a statement, or properties in front of a property. */
  before(node: ts.Node, code: string): void {
    const start = node.getStart(this.file);
    const text = `${this.#indented(node, code)}\n${this.#indentOf(node)}`;
    this.#splices.push({ start, end: start, text });
  }

  after(node: ts.Node, code: string): void {
    const end = node.getEnd();
    this.#splices.push({ start: end, end, text: `\n${this.#indentOf(node)}${this.#indented(node, code)}` });
  }

  /** Puts `code` at the end of a list in brackets, with `comment` lines above it. */
  append(list: ts.NodeArray<ts.Node>, code: string): void {
    const last = list.at(-1);
    if (!last) throw new AnchorError(`${this.#name} has an empty list`);
    const end = last.getEnd();
    const comma = list.hasTrailingComma ? "" : ",";
    const text = `${comma}\n${this.#indentOf(last)}${this.#indented(last, code)}`;
    this.#splices.push({
      start: list.hasTrailingComma ? end + 1 : end,
      end: list.hasTrailingComma ? end + 1 : end,
      text,
    });
  }

  /** The file's text with all changes. */
  result(): string {
    let text = this.file.text;
    const ordered = this.#splices.toSorted((a, b) => b.start - a.start || b.end - a.end);
    for (const { start, end, text: code } of ordered) text = text.slice(0, start) + code + text.slice(end);
    return text;
  }

  #indentOf(node: ts.Node): string {
    const { text } = this.file;
    const lineStart = text.lastIndexOf("\n", node.getStart(this.file) - 1) + 1;
    return /^[\t ]*/.exec(text.slice(lineStart))?.[0] ?? "";
  }

  /** New code is written at the margin with two spaces a level, as upstream has it. */
  #indented(node: ts.Node, code: string): string {
    return dedent(code)
      .replaceAll("\n", `\n${this.#indentOf(node)}`)
      .replaceAll(/\n[\t ]+\n/g, "\n\n");
  }
}

/** Takes the common margin of a template's lines away. */
export function dedent(code: string): string {
  const lines = code.replace(/^\n/, "").trimEnd().split("\n");
  const margins = lines.filter((line) => line.trim() !== "").map((line) => /^ */.exec(line)![0].length);
  const margin = Math.min(...margins);
  return lines.map((line) => line.slice(margin)).join("\n");
}

/** The top-level functions, classes, constants and object types of a module, by name. */
export function declarationsOf(file: ts.SourceFile): Map<string, ts.Node> {
  const found = new Map<string, ts.Node>();
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) {
        if (ts.isIdentifier(name)) found.set(name.text, statement);
      }
    } else if (isNamed(statement) && statement.name) found.set(statement.name.text, statement);
  }
  return found;
}

function isNamed(node: ts.Statement): node is ts.Statement & { name?: ts.Identifier } {
  return (
    (ts.isFunctionDeclaration(node) && node.body !== undefined) ||
    ts.isClassDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isInterfaceDeclaration(node)
  );
}

/** Applies one edit to a module's text; undefined if it is there already. */
export function applyEdit(edit: Edit, text: string, path: string): string | undefined {
  const code = new Code(parse(text, path), edit.declaration);
  if (isPresent(code, edit)) return undefined;
  edit.change(code);
  const result = code.result();
  if (!isPresent(new Code(parse(result, path), edit.declaration), edit)) {
    throw new Error(`${edit.what}: applied, but not recognised as present`);
  }
  return result;
}

function isPresent({ declaration, file }: Code, { present }: Edit): boolean {
  if (typeof present === "string") return findAll(declaration, present).length > 0;
  return present.test(declaration.getText(file));
}
