import { dirname, join } from 'node:path';
import ts from 'typescript';

/** Who may use what: see import-table.ts. A grant is a folder with a slash at its end, or a file, both below src; `/` is all of src. */
export interface ImportTable {
  /** Each folder that holds files, and the folders whose files its own may import. */
  readonly folders: Readonly<Record<string, readonly string[]>>;
  /** Each package and module of Node, as it is written in an import, and its grants. */
  readonly modules: Readonly<Record<string, readonly string[]>>;
  /** Each global that is watched, and its grants. Of `process`, each member has a row of its own. */
  readonly globals: Readonly<Record<string, readonly string[]>>;
}

/** What one file uses. Types count as much as values. */
export interface SourceUses {
  /** Path below src. */
  readonly file: string;
  /** Specifiers of static and dynamic imports, of re-exports and of `process.getBuiltinModule`. */
  readonly specifiers: readonly string[];
  /** Names of watched globals. */
  readonly globals: readonly string[];
  /** Forms of import that the house does not use. */
  readonly forms: readonly string[];
}

/** Globals that reach the network, the process, the clock, or other globals and modules by a name that is made at run time. */
const WATCHED = new Set(
  'fetch WebSocket EventSource XMLHttpRequest process console globalThis global eval Function require module performance'.split(' '),
);

export function usesOf(file: string, text: string): SourceUses {
  const specifiers: string[] = [];
  const globals = new Set<string>();
  const forms: string[] = [];
  const visit = (node: ts.Node): void => {
    const module = moduleOf(node);
    if (module !== undefined && ts.isStringLiteralLike(module)) specifiers.push(module.text);
    else if (module !== undefined) forms.push(`a module whose name is made at run time: ${module.getText()}`);
    if (ts.isImportDeclaration(node) && isSpecifier(node, 'zod') && !isNamespaceZ(node)) {
      forms.push("named imports of zod, which bring all of its languages: write import * as z from 'zod'");
    }
    if (ts.isImportEqualsDeclaration(node)) forms.push(`import = : ${node.getText()}`);
    const global = globalOf(node);
    if (global !== undefined) globals.add(global);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true));
  return { file, specifiers, globals: [...globals], forms };
}

/** Everything in one file that the table does not grant, a sentence each. */
export function violationsOf(uses: SourceUses, table: ImportTable): string[] {
  const { file } = uses;
  return [
    ...uses.forms.map((form) => `${file} uses ${form}`),
    ...uses.specifiers.flatMap((specifier) =>
      specifier.startsWith('.') ? fileProblems(file, specifier, table) : moduleProblems(file, specifier, table),
    ),
    ...uses.globals.flatMap((name) => grantProblems(`${file} uses ${name}`, file, table.globals[name])),
  ];
}

/** Rows and grants of the table that no file needs. A global that is granted to no file is forbidden, not unused. */
export function unusedGrants(all: readonly SourceUses[], table: ImportTable): string[] {
  const folders = Object.entries(table.folders).flatMap(([folder, grants]) => {
    const own = all.filter(({ file }) => folderOf(file) === folder);
    if (own.length === 0) return [`${folder}: no such folder`];
    const used = new Set(
      own.flatMap(({ file, specifiers }) => specifiers.filter((text) => text.startsWith('.')).map((text) => wantedGrant(file, text))),
    );
    return grants.filter((grant) => !used.has(grant)).map((grant) => `${folder} -> ${grant}`);
  });
  const modules = Object.entries(table.modules).flatMap(([name, grants]) => [
    ...(grants.length === 0 ? [`${name}: granted to no file`] : []),
    ...unusedIn(
      name,
      grants,
      all.filter(({ specifiers }) => specifiers.includes(name)),
    ),
  ]);
  const globals = Object.entries(table.globals).flatMap(([name, grants]) =>
    unusedIn(
      name,
      grants,
      all.filter((uses) => uses.globals.includes(name)),
    ),
  );
  return [...folders, ...modules, ...globals];
}

/** The files below src that one file imports. */
export function importedFiles({ file, specifiers }: SourceUses): string[] {
  return specifiers.filter((text) => text.startsWith('.')).map((text) => join(dirname(file), text));
}

/** The expression that names the module, where a node brings one in. */
function moduleOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
  if (!ts.isCallExpression(node)) return undefined;
  const { expression } = node;
  const isImport = expression.kind === ts.SyntaxKind.ImportKeyword;
  const isBuiltin = ts.isPropertyAccessExpression(expression) && expression.name.text === 'getBuiltinModule';
  return isImport || isBuiltin ? node.arguments[0] : undefined;
}

function isSpecifier(node: ts.ImportDeclaration, name: string): boolean {
  return ts.isStringLiteral(node.moduleSpecifier) && node.moduleSpecifier.text === name;
}

function isNamespaceZ({ importClause }: ts.ImportDeclaration): boolean {
  const bindings = importClause?.namedBindings;
  return importClause?.name === undefined && bindings !== undefined && ts.isNamespaceImport(bindings) && bindings.name.text === 'z';
}

/** The watched global that a node names. Local names that hide a global count as the global: the house uses other names. */
function globalOf(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments ?? []).length === 0) return 'new Date()';
  if (!ts.isIdentifier(node) || isMemberName(node)) return undefined;
  const { parent } = node;
  const member = ts.isPropertyAccessExpression(parent) && parent.expression === node ? parent.name.text : undefined;
  if (node.text === 'Date') return member === 'now' || ts.isCallExpression(parent) ? 'Date.now' : undefined;
  if (!WATCHED.has(node.text)) return undefined;
  return node.text === 'process' && member !== undefined ? `process.${member}` : node.text;
}

/** True for the name of a member, which says nothing of the global of that name. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  if (ts.isMetaProperty(parent)) return true;
  return (
    (ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isPropertyAssignment(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isAccessor(parent)) &&
    parent.name === node
  );
}

function fileProblems(file: string, specifier: string, { folders }: ImportTable): string[] {
  const target = join(dirname(file), specifier);
  const [from, to] = [folderOf(file), folderOf(target)];
  const [fromTop, toTop] = [topOf(from), topOf(to)];
  const row = folders[from];
  if (row === undefined) return [`${file}: the folder ${from} has no row in the table`];
  if (fromTop === toTop && target === `${toTop}/index.ts`) return [`${file} -> its own index.ts`];
  if (from === to) return [];
  if (!row.includes(wantedGrant(file, specifier))) return [`${file} -> ${target}: ${from} is not granted ${wantedGrant(file, specifier)}`];
  return fromTop === toTop || target === `${toTop}/index.ts` ? [] : [`${file} -> ${target}: not through the door ${toTop}/index.ts`];
}

/** What a relative import needs a grant for: another folder as a whole, or one room of its own folder. */
function wantedGrant(file: string, specifier: string): string {
  const to = folderOf(join(dirname(file), specifier));
  return topOf(to) === topOf(folderOf(file)) ? to : topOf(to);
}

function moduleProblems(file: string, specifier: string, { modules }: ImportTable): string[] {
  return grantProblems(`${file} imports "${specifier}"`, file, modules[specifier]);
}

function grantProblems(what: string, file: string, grants: readonly string[] | undefined): string[] {
  if (grants === undefined) return [`${what}, which has no row in the table`];
  if (grants.some((grant) => covers(grant, file))) return [];
  return [`${what}, which ${grants.length === 0 ? 'is granted to no file' : `only ${grants.join(', ')} may`}`];
}

function unusedIn(name: string, grants: readonly string[], users: readonly SourceUses[]): string[] {
  return grants.filter((grant) => !users.some(({ file }) => covers(grant, file))).map((grant) => `${name}: ${grant}`);
}

function covers(grant: string, file: string): boolean {
  if (grant === '/') return true;
  return grant.endsWith('/') ? file.startsWith(grant) : file === grant;
}

/** The folder of a file below src; of a file in src itself, the file. */
function folderOf(file: string): string {
  const folder = dirname(file);
  return folder === '.' ? file : folder;
}

function topOf(folder: string): string {
  return folder.split('/')[0] ?? '';
}
