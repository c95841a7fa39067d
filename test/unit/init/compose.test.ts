import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadProject, resolveEnvironment } from '../../../src/config/load.js';
import { readCompose } from '../../../src/init/compose/compose.js';
import { draftOf } from '../../../src/init/repository.js';
import { draftText } from '../../../src/init/text.js';
import { yaml } from '../../fakes/mutants.js';
import { testMutations } from '../../fakes/mutation-test.js';
import { configContext, failureOf, memoryFiles } from '../config/context.js';

/*
 * Each folder is a repository with a compose file in the style of a known project, the expected `oneclick.yml`, and the expected
 * skipped keys in `skipped.txt`.
 */
const folder = new URL('../../fixtures/compose/', import.meta.url);
const fixtures = readdirSync(folder);
const textOf = (path: string) => readFileSync(new URL(path, folder), 'utf8');

function repository(name: string) {
  const names = readdirSync(new URL(name, folder)).filter(
    (file) => !['oneclick.yml', 'skipped.txt'].includes(file),
  );
  const files = memoryFiles(
    Object.fromEntries(names.map((file) => [`/src/${name}/${file}`, textOf(`${name}/${file}`)])),
  );
  return { files, cwd: `/src/${name}`, compose: names.find((file) => file.includes('compose')) ?? '' };
}

async function fromFixture(name: string) {
  const { files, cwd, compose } = repository(name);
  return draftOf(files, cwd, compose);
}

describe('a compose file', () => {
  it.each(fixtures)('%s converts to oneclick.yml', async (name) => {
    expect(draftText(await fromFixture(name))).toBe(textOf(`${name}/oneclick.yml`));
  });

  it.each(fixtures)(
    '%s converts to a file that loads without problems or warnings once hosts are set',
    async (name) => {
      const text = draftText(await fromFixture(name), {
        hosts: ['10.0.0.5'],
        registry: 'ghcr.io/acme',
      });
      const setting = configContext({ '/project/oneclick.yml': text }, { DOMAIN: 'example.com' });
      const { environment, warnings } = await resolveEnvironment(
        await loadProject(setting),
        undefined,
        setting,
      );
      expect(environment.services.length).toBeGreaterThan(2);
      expect(warnings).toEqual([]);
    },
  );

  it.each(fixtures)('%s: skipped keys are reported with their positions', async (name) => {
    const { skipped } = await fromFixture(name);
    const lines = skipped.map(({ line, column, key, message }) => `${line}:${column} ${key}: ${message}\n`);
    expect(lines.join('')).toBe(textOf(`${name}/skipped.txt`));
  });

  it('never prints a value that looks like a secret', async () => {
    const texts = await Promise.all(fixtures.map(async (name) => draftText(await fromFixture(name))));
    expect(texts.join()).not.toMatch(/not-for-anyone|airflow:airflow|PASSW(?:OR)?D: \S/);
  });
});

const refusals = [
  ['', '1:1'],
  ['a: [', '1:5'],
  ['services:', '1:1'],
  ['services: [web]', '1:11'],
  ['services:\n  web: nginx', '2:3'],
  ['services:\n  web:\n    image: a\n  web:\n    image: b', '4:3'],
  ['services:\n  web: {<<: *nothing}', '2:13'],
  ['services: &a\n  web: {<<: *a}', '2:13'],
  ['services:\n  web:\n    ports: !reset []', '3:12'],
  ['services:\n  web: {build: "https://example.com/x.git"}', '1:1'],
];

describe('a port of a compose file', () => {
  it('is dropped if another service uses it', async () => {
    const text = 'services:\n  a: {image: a, ports: ["80"]}\n  b: {image: b, ports: [80]}\n';
    const { services, skipped } = await readCompose(memoryFiles({ '/p/c.yml': text }), '/p', 'c.yml');
    expect([...services.values()].map(({ value }) => value)).toEqual([
      { image: 'a', port: 80 },
      { image: 'b' },
    ]);
    expect(skipped).toMatchObject([
      { line: 3, message: 'port 80 is already used by a: choose another port' },
    ]);
  });
});

describe('a service of a compose file', () => {
  const read = (text: string) => readCompose(memoryFiles({ '/p/c.yml': text }), '/p', 'c.yml');

  it('has the nearest key suggested for an unknown one', async () => {
    const { skipped } = await read('services:\n  a: {image: a, enviroment: {A: b}}\n');
    expect(skipped).toMatchObject([
      { line: 2, column: 17, message: 'unknown key: did you mean environment?' },
    ]);
  });

  it('is rejected with the reason if it is the only one and cannot be deployed', async () => {
    const { evidence } = await failureOf(() => read('services:\n  a:\n    image: "A B"\n'));
    expect(evidence.filter((line) => line.startsWith('c.yml:'))).toEqual([
      'c.yml:1:1: no service can be deployed',
      'c.yml:2:3: services.a: skipped: it has no image or build',
      'c.yml:3:5: services.a.image: image: invalid image reference "A B"',
    ]);
  });
});

describe('an invalid compose file', () => {
  it.each(refusals)('%j is rejected at %s', async (text, place) => {
    const failure = await failureOf(() =>
      readCompose(memoryFiles({ '/p/compose.yml': text }), '/p', 'compose.yml'),
    );
    expect(failure).toMatchObject({ kind: 'usage', code: 'compose.invalid' });
    expect(failure.evidence[0]).toMatch(new RegExp(`^compose\\.yml:${place}: `));
  });

  it('is reported missing with the nearest name', async () => {
    const files = memoryFiles({ '/p/compose.yml': '' });
    await expect(readCompose(files, '/p', 'compose.yaml')).rejects.toMatchObject({
      code: 'compose.missing',
      hint: 'did you mean compose.yml?',
    });
  });

  it('is rejected if it is nested too deeply', async () => {
    const files = memoryFiles({ '/p/c.yml': `services: ${'['.repeat(5000)}` });
    const failure = await failureOf(() => readCompose(files, '/p', 'c.yml'));
    expect(failure.evidence[0]).toBe('c.yml:1:110: nested too deeply');
  });

  it('is rejected if aliases make it too large', async () => {
    const lines = Array.from(
      { length: 30 },
      (_, at) => `x-${at + 1}: &a${at + 1} [*a${at}, *a${at}, *a${at}]`,
    );
    const text = ['x-0: &a0 {b: c}', ...lines, 'services: {web: {image: nginx}}'].join('\n');
    const failure = await failureOf(() => readCompose(memoryFiles({ '/p/c.yml': text }), '/p', 'c.yml'));
    expect(failure.evidence[0]).toContain('aliases expand to too many values');
  });
});

describe('mutated compose files', () => {
  it('convert to a readable file, or are rejected with exit code 2 and the position', async () => {
    const texts = Object.fromEntries(
      fixtures.map((name) => [name, textOf(`${name}/${repository(name).compose}`)]),
    );
    const read = async (text: string) => {
      const files = memoryFiles({ '/p/compose.yml': text });
      const draft = await draftOf(files, '/p', 'compose.yml');
      const lines = text.split('\n').length;
      for (const { line } of draft.skipped) expect(line).toBeLessThanOrEqual(lines);
      const written = draftText(draft, { hosts: ['10.0.0.5'] });
      const failure = await loadProject(configContext({ '/project/oneclick.yml': written })).then(
        () => undefined,
        (error: unknown) => error,
      );
      // Cycles and duplicate ports are reported when the draft is checked.
      if (failure !== undefined)
        expect(failure).toMatchObject({
          code: 'config.invalid',
          evidence: expect.arrayContaining([expect.stringMatching(/needs itself|has port/)]),
        });
    };
    const refused = await testMutations({
      texts,
      syntax: yaml,
      count: 2000,
      read,
      place: /^compose\.yml:\d+:\d+: /m,
    });
    expect(refused).toBeLessThan(1);
  }, 600_000);
});
