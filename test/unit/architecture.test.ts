import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const root = new URL('../../src/', import.meta.url);

/** What a folder of src/ may import of the others; `types` are gone when the program runs. */
const layers: Record<string, { readonly values: readonly string[]; readonly types?: readonly string[] }> = {
  domain: { values: [] },
  run: { values: ['domain'] },
  recipe: { values: ['domain', 'run'] },
  tasks: { values: ['domain'], types: ['run/ports', 'host/host', 'cloud/cloud', 'cloud/poll'] },
  host: { values: ['domain'], types: ['run/ports'] },
  cloud: { values: ['domain'] },
  config: { values: ['domain'], types: ['host/host'] },
  init: { values: ['domain', 'config'] },
  'image-transfer': { values: ['domain'] },
  app: {
    values: [
      'domain',
      'run',
      'recipe',
      'tasks',
      'host/docker/seen-lines',
      'host/facts',
      'host/lease',
      'host/plain-text',
      'cloud/poll',
      'config',
      'image-transfer',
    ],
    // SSH, Docker and AWS are handed in: app/adapters.ts.
    types: ['host', 'cloud/cloud'],
  },
  report: { values: ['domain', 'run/walk'], types: ['run', 'app', 'host/call-log'] },
  cli: {
    values: ['domain', 'run', 'recipe', 'tasks', 'host', 'cloud', 'config', 'init', 'app', 'report'],
  },
  sandbox: { values: ['domain/nearest'] },
};

/** Where a package may be imported; the sandbox is a separate program. */
const packages: Record<string, readonly string[]> = {
  commander: ['cli'],
  'node-ssh': ['host'],
  ssh2: ['host', 'sandbox'],
  dockerode: ['host', 'sandbox'],
  chalk: ['report'],
  ora: ['report'],
  tar: ['app'],
  '@aws-sdk': ['cloud', 'sandbox'],
  '@smithy': ['cloud', 'sandbox'],
  yaml: Object.keys(layers),
  zod: Object.keys(layers),
};

/** Folders without input and output: all that they know is handed in. */
const pure: Record<string, readonly string[]> = {
  domain: ['node:crypto', 'node:events', 'node:zlib'],
  tasks: [],
};

/** Who touches the world that a test cannot hold, and why. */
const edges: Record<string, { readonly touches: readonly string[]; readonly because: string }> = {
  'cli/process.ts': { touches: ['Math.random', 'process.env'], because: 'the edge: handed in from here' },
  'domain/clock.ts': { touches: ['new Date()', 'setTimeout'], because: 'the clock that is handed in' },
  'host/docker/api.ts': {
    touches: ['setImmediate'],
    because: 'one turn of the event loop, so that what has arrived is heard; no time passes',
  },
  'host/ssh/proxy-command.ts': {
    touches: ['setImmediate'],
    because: 'two turns of the event loop, so that the last words of a program are read; no time passes',
  },
  'sandbox/clock.ts': { touches: ['new Date()', 'setTimeout'], because: 'the clock that is handed in' },
  'sandbox/endpoint.ts': {
    touches: ['process.env'],
    because: 'the edge of the program that answers the API',
  },
  'sandbox/main.ts': { touches: ['process.env'], because: 'the edge of the sandbox program' },
};

interface Import {
  readonly of: string;
  readonly typeOnly: boolean;
}

interface Source {
  readonly path: string;
  readonly folder: string;
  readonly imports: readonly Import[];
  readonly touches: readonly string[];
  /** `export default`, and module variables that can change. */
  readonly oddities: readonly string[];
}

const topOf = (path: string) => path.split('/')[0] ?? '';
const isPackage = (of: string) => layers[topOf(of)] === undefined || packages[topOf(of)] !== undefined;
const within = (of: string, allowed: readonly string[]) =>
  allowed.some((a) => of === a || of.startsWith(`${a}/`));

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map(read);

describe('the folders of src', () => {
  it('are all known', () => {
    expect([...new Set(sources.map(({ folder }) => folder))].sort()).toEqual(Object.keys(layers).sort());
  });

  it('import each other in one direction only', () => {
    const wrong = sources.flatMap(({ path, folder, imports }) =>
      imports
        .filter(({ of }) => !isPackage(of) && topOf(of) !== folder)
        .filter(({ of, typeOnly }) => {
          const { values = [], types = [] } = layers[folder] ?? {};
          return !within(of, values) && !(typeOnly && within(of, types));
        })
        .map(({ of }) => `${path} imports ${of}`),
    );
    expect(wrong).toEqual([]);
  });

  it('import each other without a cycle', () => {
    expect(
      cycles(new Map(sources.map(({ path, imports }) => [path, imports.map(({ of }) => `${of}.ts`)]))),
    ).toEqual([]);
  });

  it('keep the terminal out of the application layer', () => {
    const terminal = ['cli', 'report', 'commander', 'chalk', 'ora'];
    const wrong = sources
      .filter(({ folder }) => folder === 'app')
      .flatMap(({ path, imports }) =>
        imports.filter(({ of }) => terminal.includes(topOf(of))).map(({ of }) => `${path} imports ${of}`),
      );
    expect(wrong).toEqual([]);
  });

  it('keep each package to its folder', () => {
    const wrong = sources.flatMap(({ path, folder, imports }) =>
      imports
        .filter(({ of }) => isPackage(of) && !of.startsWith('node:'))
        .filter(({ of }) => packages[topOf(of)]?.includes(folder) !== true)
        .map(({ of }) => `${path} imports ${of}`),
    );
    expect(wrong).toEqual([]);
  });

  it.each(Object.entries(pure))('%s does no input and output', (folder, allowed) => {
    const wrong = sources
      .filter((source) => source.folder === folder)
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ of, typeOnly }) => of.startsWith('node:') && !typeOnly && !allowed.includes(of))
          .map(({ of }) => `${path} imports ${of}`),
      );
    expect(wrong).toEqual([]);
  });
});

describe('the modules of src', () => {
  it('take clock, randomness, environment and output from the edges', () => {
    const found = Object.fromEntries(
      sources.flatMap(({ path, touches }) => (touches.length > 0 ? [[path, touches]] : [])),
    );
    const expected = Object.fromEntries(Object.entries(edges).map(([path, { touches }]) => [path, touches]));
    expect(found).toEqual(expected);
  });

  it('have no default export and no state', () => {
    expect(sources.flatMap(({ path, oddities }) => oddities.map((oddity) => `${path}: ${oddity}`))).toEqual(
      [],
    );
  });
});

/** The files of each import cycle, types included. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const reaches = (from: string, goal: string): boolean => {
    const seen = new Set<string>();
    const open = [...(graph.get(from) ?? [])];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === goal) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(...(graph.get(next) ?? []));
    }
    return false;
  };
  return [...graph.keys()].filter((path) => reaches(path, path));
}

function read(path: string): Source {
  const file = ts.createSourceFile(
    path,
    readFileSync(new URL(path, root), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const imports: Import[] = [];
  const touches = new Set<string>();
  const visit = (node: ts.Node): void => {
    const imported = importOf(node, path);
    if (imported !== undefined) imports.push(imported);
    const touched = touchOf(node);
    if (touched !== undefined) touches.add(touched);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, folder: topOf(path), imports, touches: [...touches].sort(), oddities: odditiesOf(file) };
}

function importOf(node: ts.Node, from: string): Import | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier))
    return { of: target(node.moduleSpecifier.text, from), typeOnly: node.importClause?.isTypeOnly === true };
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier))
    return { of: target(node.moduleSpecifier.text, from), typeOnly: node.isTypeOnly };
  if (
    ts.isImportTypeNode(node) &&
    ts.isLiteralTypeNode(node.argument) &&
    ts.isStringLiteral(node.argument.literal)
  )
    return { of: target(node.argument.literal.text, from), typeOnly: true };
  const [first] = ts.isCallExpression(node) ? node.arguments : [];
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && first)
    return { of: ts.isStringLiteral(first) ? target(first.text, from) : first.getText(), typeOnly: false };
  return undefined;
}

/** The imported file below src/ without its ending, or the package. */
function target(specifier: string, from: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return new URL(specifier, new URL(from, root)).href.slice(root.href.length).replace(/\.js$/, '');
}

function touchOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText();
    return ['process.env', 'Date.now', 'Math.random'].includes(text) ? text : undefined;
  }
  if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name))
    return node.initializer?.getText() === 'process' &&
      /\benv\b/.test(node.name.getText()) &&
      !isParameter('process', node)
      ? 'process.env'
      : undefined;
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length)
    return 'new Date()';
  if (ts.isIdentifier(node) && node.text === 'console') return 'console';
  if (ts.isCallExpression(node) && /^set(Timeout|Interval|Immediate)$/.test(node.expression.getText()))
    return node.expression.getText();
  if (ts.isStringLiteral(node) && /^(node:)?timers(\/promises)?$/.test(node.text)) return node.text;
  return undefined;
}

/** Whether the name is handed to a function around the node. */
function isParameter(name: string, node: ts.Node): boolean {
  const around = ts.findAncestor(node, (outer) => {
    return (
      ts.isFunctionLike(outer) && outer.parameters.some((parameter) => parameter.name.getText() === name)
    );
  });
  return around !== undefined;
}

function odditiesOf(file: ts.SourceFile): string[] {
  return file.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (
      ts.isExportAssignment(statement) ||
      modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
    )
      return ['a default export'];
    if (ts.isVariableStatement(statement) && !(statement.declarationList.flags & ts.NodeFlags.Const))
      return [statement.getText().split('\n')[0] ?? ''];
    return [];
  });
}
