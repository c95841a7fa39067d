import { isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { alternatives, type JsonSchema, propertiesAt } from '../domain/schema-problems.js';
import type { Path } from '../domain/source.js';
import { example } from './example.js';
import { ProjectConfig } from './schema.js';

/** Returns the files generated from the schema of `oneclick.yml`, by path in the package. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['schema/oneclick.schema.json', json()],
    ['schema/reference.yml', reference()],
  ]);
}

/** Draft 7, the version that YAML editor plug-ins support. */
function draft7(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
}

function json(): string {
  const { $schema, ...rest } = draft7(ProjectConfig);
  return `${JSON.stringify({ $schema, title: 'oneclick.yml', ...rest }, undefined, 1)}\n`;
}

const width = 96;
const header = [
  ' yaml-language-server: $schema=./oneclick.schema.json',
  ' Every key of oneclick.yml. Generated from the schema by `npm run generate`.',
  ' Only `project` and `services` are required. An environment overrides services: maps are merged, lists and values are',
  ' replaced, and an empty key removes the value.',
];

/** Adds the schema's description above the first use of each key in the example. */
function reference(): string {
  const document = parseDocument(example);
  const schema = draft7(ProjectConfig);
  const seen = new Set<string>();
  const annotate = (node: unknown, path: Path): void => {
    if (isSeq(node)) for (const [index, item] of node.items.entries()) annotate(item, [...path, index]);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      const text = description(schema, propertiesAt(schema, path)[name]);
      if (text !== undefined && !seen.has(text)) {
        seen.add(text);
        (key as Node).commentBefore = wrapped(text, width - 2 * path.length);
      }
      annotate(value, [...path, name]);
    }
  };
  annotate(document.contents, []);
  document.commentBefore = header.join('\n');
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function description(root: JsonSchema, property: unknown): string | undefined {
  if (typeof property !== 'object' || property === null) return undefined;
  const node = property as JsonSchema;
  if (typeof node.description === 'string') return node.description;
  const inner = Array.isArray(node.anyOf)
    ? node.anyOf
    : alternatives(root, node).filter((one) => one !== node);
  return inner.map((one) => description(root, one)).find((text) => text !== undefined);
}

function wrapped(text: string, columns: number): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    if ((lines.at(-1) ?? '').length + word.length + 1 > columns) lines.push('');
    lines.push(`${lines.pop()} ${word}`);
  }
  return lines.join('\n');
}
