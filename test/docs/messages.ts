/** Finds texts in source that go out as messages for operators, by its syntax tree. */
import { ts } from "@ts-morph/common";

/** Functions, methods and classes that are called with a message. */
const SAYING = new Set([
  "warn",
  "info",
  "refuse",
  "say",
  "refused",
  "refusal",
  "SettingsError",
  "Failure",
  "fail",
  "Error",
  "RequestError",
  "super",
  "unprotected",
  "warnings.push",
]);
/** Properties and constants that hold one. */
const HOLDING = new Set(["error", "message", "problem", "GLOBAL_ONLY"]);
/** A doctor's findings of these levels report nothing that needs a fix. */
const HARMLESS = new Set(["ok", "info"]);

/**
 * The messages of a source file, each as its longest part that is always the same.
 * A single word is not a message.
 */
export function messagesIn(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    found.push(
      ...messagesOf(node)
        .flatMap(partsOf)
        .filter((part) => /\p{L}\s+\S*\p{L}/u.test(part)),
    );
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("source.ts", source, ts.ScriptTarget.Latest, true));
  return found;
}

/** The expressions that a node gives out as a message. */
function messagesOf(node: ts.Node): readonly ts.Expression[] {
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
    const level = levelOf(node.expression);
    const says = level === undefined ? SAYING.has(calledName(node.expression)) : !HARMLESS.has(level);
    return says ? (node.arguments ?? []) : [];
  }
  if (ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node)) {
    return node.initializer && HOLDING.has(nameOf(node.name)) ? [node.initializer] : [];
  }
  return ts.isReturnStatement(node) && node.expression ? [node.expression] : [];
}

/** The level if `finding.<level>` is called; the empty text for `finding[<expression>]`, which may be any. */
function levelOf(called: ts.Expression): string | undefined {
  if (!ts.isPropertyAccessExpression(called) && !ts.isElementAccessExpression(called)) return undefined;
  if (nameOf(called.expression) !== "finding") return undefined;
  return ts.isPropertyAccessExpression(called) ? called.name.text : "";
}

function calledName(called: ts.Expression): string {
  if (called.kind === ts.SyntaxKind.SuperKeyword) return "super";
  if (ts.isIdentifier(called)) return called.text;
  if (!ts.isPropertyAccessExpression(called)) return "";
  const name = called.name.text.replace("#", "");
  return name === "push" ? `${calledName(called.expression)}.push` : name;
}

function nameOf(name: ts.Node): string {
  return ts.isIdentifier(name) || ts.isStringLiteral(name) ? name.text : "";
}

/** The longest constant part of each text that an expression may be. */
function partsOf(expression: ts.Expression): string[] {
  return textsOf(expression).map((parts) => parts.toSorted((a, b) => b.length - a.length)[0]!);
}

/** The texts that an expression may be, each as its constant parts. */
function textsOf(expression: ts.Expression): string[][] {
  if (ts.isStringLiteralLike(expression)) return [[expression.text]];
  if (ts.isTemplateExpression(expression)) {
    return [[expression.head.text, ...expression.templateSpans.map(({ literal }) => literal.text)]];
  }
  if (ts.isParenthesizedExpression(expression) || ts.isAsExpression(expression)) return textsOf(expression.expression);
  if (ts.isConditionalExpression(expression)) {
    return [...textsOf(expression.whenTrue), ...textsOf(expression.whenFalse)];
  }
  if (ts.isBinaryExpression(expression)) return [...textsOf(expression.left), ...textsOf(expression.right)];
  return [];
}
