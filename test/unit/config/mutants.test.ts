import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadProject, resolveEnvironment } from '../../../src/config/load.js';
import { InvalidText } from '../../../src/domain/problem.js';
import { Service } from '../../../src/domain/service.js';
import { yaml } from '../../fakes/mutants.js';
import { testMutations } from '../../fakes/mutation-test.js';
import { configContext } from './context.js';

const root = new URL('../../../', import.meta.url);
const textOf = (path: string) => readFileSync(new URL(path, root), 'utf8');
const [, readme = ''] = /```yaml\n(project: [^`]*)```/.exec(textOf('README.md')) ?? [];

/** Services one edit away from a cycle, anchors, and all notations of a host. */
const chain = `project: chain
services:
  a: &a { image: one, needs: [b], env: &env { A: 1.10, B: "\${X}" } }
  b: { image: two, needs: [c], env: *env, port: 80, command: sh -c 'echo "a b"' }
  c: { image: three@sha256:${'0'.repeat(64)}, needs: [], volumes: [data:/data:ro, /srv:/srv] }
  d: *a
environments:
  live: { hosts: [root@one:2222, "[2001:db8::1]:22", three: { id: i-3, services: [a] }], ssh: { bastion: gate } }
  test: { hosts: { one: 10.0.0.1, two: }, services: { a: { needs: , hosts: [two] }, d: } }
`;

const fixtures = 'test/fixtures/config/';
const texts: Readonly<Record<string, string>> = {
  ...Object.fromEntries(readdirSync(new URL(fixtures, root)).map((name) => [name, textOf(fixtures + name)])),
  'reference.yml': textOf('schema/reference.yml').replace(/^ *#.*\n/gm, ''),
  'README.md': readme,
  chain,
};

async function read(text: string): Promise<void> {
  const setting = configContext({ '/project/oneclick.yml': text }, { X: '$(reboot)' });
  try {
    const project = await loadProject(setting);
    for (const { name } of project.environments) {
      const { environment } = await resolveEnvironment(project, name, setting);
      for (const service of environment.services) Service.parse(service);
    }
  } catch (error) {
    if (error instanceof InvalidText) within(text, error);
    throw error;
  }
}

/** Every problem has a position. */
function within(text: string, { problems }: InvalidText): void {
  const lines = text.split('\n');
  for (const { line, column } of problems) {
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? -1) + 1);
  }
}

describe('mutated configurations', () => {
  it('are accepted, or rejected quickly with exit code 2 and the position, and leave no state', async () => {
    const place = /^oneclick\.yml:\d+:\d+: /m;
    const refused = await testMutations({ texts, syntax: yaml, count: 10_000, read, place });
    expect(refused).toBeGreaterThan(0.25);
    expect(refused).toBeLessThan(1);
  }, 600_000);
});
