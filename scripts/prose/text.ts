/** Finds the prose of a file: the text of Markdown; comments and string literals of TypeScript (a literal without white space is a name). */
import { ts } from "@ts-morph/common";
import type { Nodes } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";

/** Stands for a character of code, so that no rule matches across it. */
const CODE = "¤";
/** Stands for a character of a name in a sentence, which goes on after it. */
const NAME = "§";
const NOT_PROSE = new Set(["code", "inlineCode", "html", "definition", "image"]);
const STRINGS = new Set([
  ts.SyntaxKind.StringLiteral,
  ts.SyntaxKind.NoSubstitutionTemplateLiteral,
  ts.SyntaxKind.TemplateHead,
  ts.SyntaxKind.TemplateMiddle,
  ts.SyntaxKind.TemplateTail,
]);

/**
 * The prose of a file: as long as the source, with code replaced by `¤`. White space stays, and so do offsets and lines.
 *
 * @param file its name; `.ts` or `.md`
 */
export function proseOf(file: string, source: string): string {
  return file.endsWith(".ts") ? ofTypeScript(source) : ofMarkdown(source);
}

function ofMarkdown(source: string): string {
  const text = [...units(source)];
  const visit = (node: Nodes): void => {
    const { start, end } = node.position!;
    if (NOT_PROSE.has(node.type)) blank(text, start.offset!, end.offset!, node.type === "inlineCode" ? NAME : CODE);
    if (node.type === "link") blank(text, node.children.at(-1)?.position?.end.offset ?? start.offset!, end.offset!);
    if ("children" in node) for (const child of node.children) visit(child);
  };
  visit(fromMarkdown(source));
  // Cells of a table and items of a list are sentences of their own.
  return text
    .join("")
    .replaceAll("|", CODE)
    .replaceAll(/^(\s*)(?:[-*]|#+)(?= )/gm, `$1${CODE}`);
}

function ofTypeScript(source: string): string {
  const text = [...units(source)];
  const file = ts.createSourceFile("source.ts", source, ts.ScriptTarget.Latest, true);
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(file);
    if (children.length > 0) children.forEach(visit);
    else if (STRINGS.has(node.kind) && /\s/.test(node.getText(file))) {
      blank(text, node.getStart(file), node.getStart(file) + 1);
      blank(text, node.end - 1, node.end);
    } else blank(text, node.getStart(file), node.end);
  };
  visit(file);
  return text
    .join("")
    .replaceAll(/`[^`\n]*`|\{@link [^}]*\}/g, (code) => NAME.repeat(code.length))
    .replaceAll(
      /^(\s*)(\/\/|\/\*\*?|\*\/|\*(?!\/))/gm,
      (_, indent: string, mark: string) => indent + " ".repeat(mark.length),
    );
}

/** UTF-16 code units, which offsets count. */
function units(source: string): string[] {
  return source.split("");
}

function blank(text: string[], from: number, to: number, filler = CODE): void {
  for (let at = from; at < to; at++) if (!/\s/.test(text[at]!)) text[at] = filler;
}
