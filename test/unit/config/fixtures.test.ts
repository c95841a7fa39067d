import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadProject, resolveEnvironment } from '../../../src/config/load.js';
import { InvalidText } from '../../../src/domain/problem.js';
import { configContext, failureOf } from './context.js';

/*
 * Each file is a configuration that ends with its expected problems: `#: line:column message [suggestion]`. The environment in the
 * file's name (`unset.live.yml`) is resolved too, with the variable SET.
 */
const folder = new URL('../../fixtures/config/', import.meta.url);

describe('a configuration', () => {
  it.each(readdirSync(folder))('%s: every problem is reported with its position', async (file) => {
    const text = readFileSync(new URL(file, folder), 'utf8');
    const expected = [...text.matchAll(/^#: (.*)$/gm)].map((match) => match[1]);
    const setting = configContext({ '/project/oneclick.yml': text }, { SET: '5' });
    const failure = await failureOf(async () => {
      const project = await loadProject(setting);
      await resolveEnvironment(project, /\.(\w+)\.yml$/.exec(file)?.[1], setting);
    });
    expect(failure).toMatchObject({ kind: 'usage', code: 'config.invalid' });
    const problems = failure instanceof InvalidText ? failure.problems : [];
    expect(
      problems.map(({ line, column, message, suggestion }) =>
        [`${line}:${column}`, message, ...(suggestion === undefined ? [] : [`[${suggestion}]`])].join(' '),
      ),
    ).toEqual(expected);
  });
});
