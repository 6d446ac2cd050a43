/**
 * Finds code by its structure, in TypeScript and in the bundle made of it.
 *
 * A pattern is code of the same language. `$name` stands for any one node, `$$$` for any number of
 * arguments, elements, properties or statements. What a bundler changes does not count: types,
 * comments, parentheses, quotes, braces around a single statement, `void 0`, a number behind a name.
 */
import { ts } from "@ts-morph/common";

export interface Match {
  readonly node: ts.Node;
  /** What each `$name` of the pattern stood for. */
  readonly captures: ReadonlyMap<string, ts.Node>;
}

/** Parses TypeScript, or JavaScript as if it were. */
export function parse(text: string, path = "module.ts"): ts.SourceFile {
  return ts.createSourceFile(path.replace(/\.m?js$/, ".ts"), text, ts.ScriptTarget.ESNext, true);
}

/** All places below `root` that have the pattern's structure. */
export function findAll(root: ts.Node, pattern: string): Match[] {
  const wanted = parsePattern(pattern);
  const found: Match[] = [];
  const visit = (node: ts.Node): void => {
    const captures = new Map<string, ts.Node>();
    // The inner node of `(x)` or `x as T` is visited itself.
    if (node.kind === wanted.kind && matches(wanted, node, captures)) found.push({ node, captures });
    ts.forEachChild(node, visit);
  };
  visit(root);
  return found;
}

const patterns = new Map<string, ts.Node>();

function parsePattern(pattern: string): ts.Node {
  const known = patterns.get(pattern);
  if (known) return known;
  const property = /^\{(.*)\}:property$/s.exec(pattern);
  const file = parse(property ? `({${property[1]}})` : pattern);
  const [statement, ...more] = file.statements;
  if (!statement || more.length > 0) throw new Error(`a pattern is one statement, expression or property: ${pattern}`);
  let node: ts.Node = statement;
  if (ts.isExpressionStatement(statement) && !pattern.trimEnd().endsWith(";")) node = bare(statement.expression);
  if (property && ts.isObjectLiteralExpression(node)) node = node.properties[0]!;
  patterns.set(pattern, node);
  return node;
}

/** Without what does not count: parentheses, casts, braces around one statement. */
function bare(node: ts.Node): ts.Node {
  if (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isNonNullExpression(node)
  ) {
    return bare(node.expression);
  }
  if (ts.isBlock(node) && node.statements.length === 1 && isBranch(node)) return bare(node.statements[0]!);
  return node;
}

/** The body of an `if` or a loop, whose braces are a matter of taste. */
function isBranch(node: ts.Node): boolean {
  const { parent } = node;
  return ts.isIfStatement(parent) || ts.isIterationStatement(parent, false);
}

function partsOf(node: ts.Node): ts.Node[] {
  const parts: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    const isType = ts.isTypeNode(child) || ts.isTypeParameterDeclaration(child);
    // `x!: T` and `f?(x)` of TypeScript; the `?.` of a chain is a QuestionDotToken.
    const isMark = child.kind === ts.SyntaxKind.ExclamationToken || child.kind === ts.SyntaxKind.ExportKeyword;
    if (!isType && !isMark) parts.push(child);
  });
  return parts;
}

function isUndefined(node: ts.Node): boolean {
  return (ts.isIdentifier(node) && node.text === "undefined") || ts.isVoidExpression(node);
}

/** Whether a node is `$$$`, which stands for any number of nodes. */
function isRest(node: ts.Node): boolean {
  if (ts.isIdentifier(node)) return node.text === "$$$";
  if (ts.isShorthandPropertyAssignment(node)) return node.name.text === "$$$";
  return ts.isExpressionStatement(node) && isRest(node.expression);
}

function matches(wanted: ts.Node, node: ts.Node, captures: Map<string, ts.Node>): boolean {
  const [left, right] = [bare(wanted), bare(node)];
  if (ts.isIdentifier(left) && left.text.startsWith("$")) {
    const before = captures.get(left.text);
    if (before) return before.getText() === right.getText();
    captures.set(left.text, right);
    return true;
  }
  // As the only statement of a branch it stands for the whole branch.
  if (isRest(left)) return true;
  if (isUndefined(left) && isUndefined(right)) return true;
  if (left.kind !== right.kind) return false;
  if (ts.isIdentifier(left)) return (right as ts.Identifier).text.replace(/\$\d+$/, "") === left.text;
  if (ts.isLiteralExpression(left) || ts.isTemplateHead(left) || ts.isTemplateMiddleOrTemplateTail(left)) {
    return (right as ts.LiteralLikeNode).text === left.text;
  }
  if (ts.isPrefixUnaryExpression(left) && (right as ts.PrefixUnaryExpression).operator !== left.operator) return false;
  return matchesAll(partsOf(left), partsOf(right), captures);
}

function matchesAll(wanted: readonly ts.Node[], nodes: readonly ts.Node[], captures: Map<string, ts.Node>): boolean {
  const rest = wanted.findIndex(isRest);
  if (rest < 0) {
    return wanted.length === nodes.length && wanted.every((each, i) => matches(each, nodes[i]!, captures));
  }
  const tail = wanted.slice(rest + 1);
  if (nodes.length < rest + tail.length || !matchesAll(wanted.slice(0, rest), nodes.slice(0, rest), captures)) {
    return false;
  }
  // A list has at most one element that matches any number: the rest must match its end.
  return matchesAll(tail, tail.length === 0 ? [] : nodes.slice(-tail.length), captures);
}
