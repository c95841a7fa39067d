import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { loadProject, resolveEnvironment } from '../../../src/config/load.js';
import { generatedFiles } from '../../../src/config/reference.js';
import { ProjectConfig } from '../../../src/config/schema.js';
import { alternatives, type JsonSchema, jsonSchema } from '../../../src/domain/schema-problems.js';
import { configContext } from './context.js';

const onDisk = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

describe('generated files', () => {
  it.each([...generatedFiles()])('%s is as `npm run generate` writes it', (path, text) => {
    expect(onDisk(path)).toBe(text);
  });
});

describe('the reference', () => {
  const text = onDisk('schema/reference.yml');

  it('is valid without warnings in each of its environments', async () => {
    const setting = configContext({ '/project/oneclick.yml': text });
    const project = await loadProject(setting);
    for (const { name } of project.environments)
      expect((await resolveEnvironment(project, name, setting)).warnings).toEqual([]);
  });

  it('shows every key of the schema', () => {
    const root = jsonSchema(ProjectConfig);
    const missing: string[] = [];
    const visit = (schema: unknown, examples: readonly unknown[], path: string): void => {
      for (const node of alternatives(root, schema) as readonly JsonSchema[]) {
        for (const [key, inner] of Object.entries(Object(node.properties))) {
          const found = examples.flatMap((value) =>
            Object.hasOwn(Object(value), key) ? [Object(value)[key]] : [],
          );
          // The keys of a service are documented under `services`.
          const shownElsewhere = path.startsWith('environments.*.services.*') && key !== 'hosts';
          const alias =
            key === 'on-later-failure' || /^environments\.\*\.(ssh|secrets)\./.test(`${path}.${key}`);
          if (found.length === 0 && !shownElsewhere && !alias) missing.push(`${path}.${key}`);
          visit(inner, found, path === '' ? key : `${path}.${key}`);
        }
        if (node.additionalProperties) {
          const inner = examples.flatMap((value) => Object.values(Object(value)));
          visit(node.additionalProperties, inner, `${path}.*`);
        }
      }
    };
    visit(root, [parse(text)], '');
    expect(missing).toEqual([]);
  });
});
