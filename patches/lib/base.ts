/** What a patch is applied to: a checkout of OpenClaw's sources, or a published package's bundle. */
import { existsSync, globSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, dirname, join, posix, relative } from "node:path";
import { declarationsOf } from "./codemod.ts";
import { parse } from "./pattern.ts";
import { ts } from "@ts-morph/common";

export interface Base {
  /** "checkout" has types and tests, "bundle" has neither. */
  readonly kind: "checkout" | "bundle";
  readonly root: string;
  /** The files, below `root`, that declare a name; the one at `path` alone if it does. */
  declaring(name: string, path: string): readonly string[];
  has(path: string): boolean;
  read(path: string): string;
  /** Writes what has changed, as TypeScript; a bundle gets it without types. */
  write(path: string, text: string): void;
  /** Where a new file of upstream's tree goes. */
  placeOf(path: string): string;
  /** A new module of upstream's tree as it must be at `place`: its imports lead to this base's files. */
  adapt(path: string, text: string, place: string): string;
  /** Makes an export of upstream's file `from` known in the file. */
  importInto(file: string, text: string, name: string, from: string): string;
  /** Takes the import of a name away that the text no longer uses. */
  withoutUnused(text: string, name: string): string;
}

function declares(text: string, name: string): boolean {
  if (!text.includes(name)) return false;
  const line = new RegExp(`^(?:export )?(?:async )?(?:function|const|let|var|class|type|interface) ${name}\\b`, "m");
  return line.test(text);
}

/** A name that a module's code can use, by declaration or import. */
function knows(text: string, name: string): boolean {
  const file = parse(text);
  if (declarationsOf(file).has(name)) return true;
  return importsOf(file).some(({ importClause }) => {
    const bindings = importClause?.namedBindings;
    if (importClause?.isTypeOnly || !bindings || !ts.isNamedImports(bindings)) return false;
    return bindings.elements.some((element) => element.name.text === name && !element.isTypeOnly);
  });
}

function importsOf(file: ts.SourceFile): ts.ImportDeclaration[] {
  return file.statements.filter((statement) => ts.isImportDeclaration(statement));
}

/** A value that a module imports, and the file in upstream's tree that it comes from. */
interface ImportedValue {
  readonly name: string;
  readonly from: string;
}

/** Takes the imports of upstream's own files out of a module at `path` of upstream's tree. */
export function withoutRelativeImports(path: string, text: string): { rest: string; values: ImportedValue[] } {
  const file = parse(text);
  const values: ImportedValue[] = [];
  let rest = text;
  for (const statement of importsOf(file).toReversed()) {
    const { importClause, moduleSpecifier } = statement;
    if (!ts.isStringLiteral(moduleSpecifier) || !moduleSpecifier.text.startsWith(".")) continue;
    rest = rest.slice(0, statement.getStart(file)) + rest.slice(statement.getEnd());
    const bindings = importClause?.namedBindings;
    if (importClause?.isTypeOnly || !bindings || !ts.isNamedImports(bindings)) continue;
    const from = posix.join(posix.dirname(path), moduleSpecifier.text).replace(/\.js$/, ".ts");
    values.push(...bindings.elements.filter((each) => !each.isTypeOnly).map(({ name }) => ({ name: name.text, from })));
  }
  return { rest, values };
}

/** A new file, not a write through a link: a copied package shares its files with the original. */
function writeNew(path: string, text: string): void {
  if (existsSync(path)) unlinkSync(path);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A checkout of OpenClaw's repository. */
export function openCheckout(root: string): Base {
  if (!existsSync(join(root, "src/gateway")))
    throw new Error(`${root} is not an OpenClaw checkout: src/gateway is missing`);
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  const has = (path: string): boolean => existsSync(join(root, path));
  let sources: readonly string[] | undefined;
  const base: Base = {
    kind: "checkout",
    root,
    declaring(name, path) {
      if (path !== "" && has(path) && declares(read(path), name)) return [path];
      sources ??= globSync("src/**/*.ts", { cwd: root }).filter((file) => !/\.(?:test|d)\.ts$|test-helpers/.test(file));
      return sources.filter((file) => declares(read(file), name));
    },
    has,
    read,
    write: (path, text) => writeNew(join(root, path), text),
    placeOf: (path) => path,
    adapt: (_path, text) => text,
    withoutUnused,
    importInto(file, text, name, from) {
      if (from === file || knows(text, name)) return text;
      // A name may have moved to another file in this version.
      const [source = from] = has(from) && declares(read(from), name) ? [from] : base.declaring(name, from);
      const relativePath = relative(dirname(file), source).replace(/\.ts$/, ".js");
      const specifier = relativePath.startsWith(".") ? relativePath : `./${relativePath}`;
      return withImport(text, name, specifier);
    },
  };
  return base;
}

function withImport(text: string, name: string, specifier: string): string {
  const file = parse(text);
  const imports = importsOf(file);
  for (const { importClause, moduleSpecifier } of imports) {
    const bindings = importClause?.namedBindings;
    const same = ts.isStringLiteral(moduleSpecifier) && moduleSpecifier.text === specifier;
    if (!same || importClause?.isTypeOnly || !bindings || !ts.isNamedImports(bindings)) continue;
    const last = bindings.elements.at(-1)!;
    const multiline = bindings.getText(file).includes("\n");
    return `${text.slice(0, last.getEnd())},${multiline ? "\n  " : " "}${name}${text.slice(last.getEnd())}`;
  }
  const statement = `import { ${name} } from "${specifier}";`;
  // Upstream sorts its imports by path: siblings behind parents.
  const after = imports.findLast(({ moduleSpecifier }) => {
    return ts.isStringLiteral(moduleSpecifier) && order(moduleSpecifier.text) <= order(specifier);
  });
  const end = (after ?? imports.at(-1))?.getEnd() ?? 0;
  return `${text.slice(0, end)}${end === 0 ? "" : "\n"}${statement}${end === 0 ? "\n" : ""}${text.slice(end)}`;
}

/** How often a name occurs in code, its import included. */
function usesOf(node: ts.Node, name: string): number {
  let uses = ts.isIdentifier(node) && node.text === name ? 1 : 0;
  ts.forEachChild(node, (child) => {
    uses += usesOf(child, name);
  });
  return uses;
}

function withoutUnused(text: string, name: string): string {
  const file = parse(text);
  if (usesOf(file, name) > 1) return text;
  for (const statement of importsOf(file)) {
    const bindings = statement.importClause?.namedBindings;
    if (!bindings || !ts.isNamedImports(bindings)) continue;
    const index = bindings.elements.findIndex((element) => element.name.text === name);
    if (index < 0) continue;
    const { elements } = bindings;
    if (elements.length === 1)
      return text.slice(0, statement.getStart(file)) + text.slice(statement.getEnd()).replace(/^\n/, "");
    // Up to the next one, or for the last from the end of the one before.
    const next = elements[index + 1];
    const start = next ? elements[index]!.getStart(file) : elements[index - 1]!.getEnd();
    const end = next ? next.getStart(file) : elements[index]!.getEnd();
    return text.slice(0, start) + text.slice(end);
  }
  return text;
}

function order(specifier: string): string {
  const rank = specifier.startsWith("./") ? 2 : specifier.startsWith("../") ? 1 : 0;
  return `${rank}${specifier}`;
}

/**
 * The bundle in an installed `openclaw` package. It must be a separate copy: see gateway-copy.ts.
 *
 * @param root the package's folder
 */
export function openBundle(root: string): Base {
  const dist = join(root, "dist");
  // The command, and not the package's name: forks have names of their own.
  if (!existsSync(dist) || !existsSync(join(root, "openclaw.mjs")))
    throw new Error(`${root} is not an installed openclaw package: dist and openclaw.mjs are missing`);
  const chunks = globSync("**/*.{js,mjs}", { cwd: dist }).filter(
    (file) => !/^(?:worker|extensions)\/|node_modules/.test(file),
  );
  const texts = new Map<string, string>();
  const read = (path: string): string => {
    let text = texts.get(path);
    if (text === undefined) texts.set(path, (text = readFileSync(join(root, path), "utf8")));
    return text;
  };
  const files = chunks.map((file) => `dist/${file}`);
  const extension = files.some((file) => file.endsWith(".mjs")) ? ".mjs" : ".js";
  const write = (path: string, text: string): void => {
    texts.set(path, text);
    writeNew(join(root, path), text);
  };
  const base: Base = {
    kind: "bundle",
    root,
    declaring(name, path) {
      const all = files.filter((file) => declares(read(file), name));
      // Several files may declare the name; the bundler says which chunk has whose.
      const own = all.filter((file) => read(file).includes(`//#region ${path}\n`));
      return own.length > 0 ? own : all;
    },
    has: (path) => existsSync(join(root, path)),
    read,
    write: (path, text) => write(path, stripTypeScriptTypes(text)),
    // An import too many does no harm there.
    withoutUnused: (text) => text,
    placeOf: (path) => `dist/openclaw-patch-${basename(path).replace(/\.ts$/, extension)}`,
    adapt(path, text, place) {
      const { rest, values } = withoutRelativeImports(path, text);
      return values.reduce((code, { name, from }) => base.importInto(place, code, name, from), rest);
    },
    importInto(file, text, name, from) {
      if (knows(text, name)) return text;
      const { source, alias } = exportOf(name, from);
      if (source === file) return text;
      const path = relative(dirname(join(root, file)), join(root, source));
      const binding = alias === name ? name : `${alias} as ${name}`;
      return `import { ${binding} } from "${path.startsWith(".") ? path : `./${path}`}";\n${text}`;
    },
  };
  function exportOf(name: string, from: string): { source: string; alias: string } {
    const own = base.placeOf(from);
    if (base.has(own)) return { source: own, alias: name };
    const [source] = base.declaring(name, from);
    if (source === undefined) throw new Error(`no chunk declares ${name} of ${from}`);
    return { source, alias: exportedAs(name, source) };
  }
  /** The name under which a chunk exports something; it is exported under its own if it is not yet. */
  function exportedAs(name: string, source: string): string {
    const text = read(source);
    const list = [...text.matchAll(/^export \{([^}]*)\}/gm)].map((match) => match[1]).join(",");
    const alias = new RegExp(`(?:^|,)\\s*${name.replaceAll("$", "\\$")}(?: as ([\\w$]+))?\\s*(?:,|$)`).exec(list);
    if (alias) return alias[1] ?? name;
    if (new RegExp(`^export (?:async )?(?:function|const|let|var|class) ${name}\\b`, "m").test(text)) return name;
    write(source, `${text}\nexport { ${name} };\n`);
    return name;
  }
  return base;
}
