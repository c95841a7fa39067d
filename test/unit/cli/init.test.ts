import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { program } from '../../../src/cli/program.js';
import { Failure } from '../../../src/domain/failure.js';
import { testContext } from '../../fakes/context.js';

let folder = '';
let screen = { out: '', error: '' };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shop-'));
  screen = { out: '', error: '' };
  listen(process.stdout, 'out');
  listen(process.stderr, 'error');
});

afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

function listen(stream: NodeJS.WriteStream, to: 'out' | 'error'): void {
  jest.spyOn(stream, 'write').mockImplementation((text) => {
    screen[to] += String(text);
    return true;
  });
}

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const written = () => readFile(join(folder, 'oneclick.yml'), 'utf8');
const run = (...argv: string[]) => program(async () => context(), argv);

async function failure(...argv: string[]): Promise<Failure> {
  const error = await run(...argv).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Failure) return error;
  throw new Error('expected a failure', { cause: error });
}

const context = () =>
  testContext({ cwd: folder, stateDir: join(folder, 'state'), configDir: join(folder, 'config') });

const valid = `project: shop
services:
  web: { image: "nginx:1", env: { A: "\${A:-b}" }, secrets: [TOKEN], memory: 512m }
environments:
  production: { hosts: [10.0.0.5] }
`;

describe('oneclick init', () => {
  it('writes oneclick.yml and explains its values and the next steps', async () => {
    await write('Dockerfile', 'FROM x\nEXPOSE 3000\n');
    expect(await run('init')).toBe(0);
    expect(parse(await written())).toMatchObject({ services: { web: { build: '.', port: '80:3000' } } });
    expect(screen.out).toMatch(/^✓ wrote oneclick\.yml: 1 service \(web\)$/m);
    expect(screen.out).toMatch(/^web\.port +80:3000 +Dockerfile:2 +EXPOSE/m);
    expect(screen.out).toMatch(/^fill in {2}the hosts of production and the registry in oneclick\.yml$/m);
  });

  it('never replaces an existing file', async () => {
    await write('oneclick.yml', valid);
    expect(await failure('init', '--yes')).toMatchObject({ kind: 'usage', code: 'init.exists' });
    expect(await written()).toBe(valid);
  });

  it('--dry-run prints the file, warns of omissions, and writes nothing', async () => {
    await write('c.yml', 'services:\n  web:\n    image: nginx\n    container_name: x\n');
    expect(await run('init', '--from-compose', 'c.yml', '--dry-run')).toBe(0);
    expect(parse(screen.out)).toMatchObject({ services: { web: { image: 'nginx' } } });
    expect(screen.error).toMatch(/^warning: c\.yml:4: services\.web\.container_name: oneclick chooses/);
    expect(await readdir(folder)).toEqual(['c.yml']);
  });

  it('--json prints one document', async () => {
    await write('c.yml', 'services:\n  web:\n    image: nginx\n    container_name: x\n');
    expect(await run('init', '--from-compose', 'c.yml', '--json')).toBe(0);
    expect(JSON.parse(screen.out)).toMatchObject({
      schema: 1,
      file: 'oneclick.yml',
      written: true,
      text: await written(),
      services: ['web'],
      left: [{ file: 'c.yml', line: 4, key: 'services.web.container_name' }],
      open: ['hosts'],
      problems: [],
    });
  });

  it('reports the remaining problems', async () => {
    const service = (name: string, needs: string) => `  ${name}: {image: x, depends_on: [${needs}]}\n`;
    await write('compose.yml', `services:\n${service('a', 'b')}${service('b', 'a')}`);
    expect(await run('init')).toBe(0);
    expect(screen.out).toMatch(/^problems to fix\n {2}oneclick\.yml:\d+: a depends on itself$/m);
  });
});

describe('oneclick config', () => {
  it('check reports a valid file', async () => {
    await write('oneclick.yml', valid);
    expect(await run('config', 'check')).toBe(0);
    expect(screen.out).toBe('✓ oneclick.yml is valid: 1 service, 1 environment\n');
  });

  it('check reports the problems of all environments, unset variables included', async () => {
    await write('oneclick.yml', `${valid}  staging: { hosts: ["\${STAGING}"] }\n  test: { }\n`);
    const invalid = await failure('config', 'check');
    expect(invalid).toMatchObject({ kind: 'usage', code: 'config.invalid' });
    expect(invalid.evidence.filter((line) => line.startsWith('oneclick.yml:'))).toEqual([
      expect.stringContaining('STAGING is not set'),
      expect.stringContaining('test has no hosts'),
    ]);
    expect(await run('config', 'check', '--env', 'production')).toBe(0);
  });

  it('check suggests similar environments and commands', async () => {
    await write('oneclick.yml', valid);
    expect((await failure('config', 'check', '--env', 'prodction')).hint).toBe('did you mean production?');
    expect((await failure('config', 'chek')).hint).toBe('did you mean check?');
  });

  it('show prints an environment with defaults, and secrets by name', async () => {
    await write('oneclick.yml', valid);
    expect(await run('config', 'show')).toBe(0);
    const web = {
      image: 'nginx:1',
      env: { A: 'b' },
      secrets: ['TOKEN'],
      memory: '512m',
      keep: 5,
      hosts: ['10.0.0.5'],
    };
    expect(parse(screen.out)).toMatchObject({ environment: 'production', services: { web } });
    screen.out = '';
    expect(await run('config', 'show', '--json')).toBe(0);
    expect(JSON.parse(screen.out)).toMatchObject({ schema: 1, environment: 'production', services: { web } });
  });

  it.each([
    ['schema', 'oneclick.schema.json'],
    ['docs', 'reference.yml'],
  ])('%s prints what ships as %s, all of it', async (verb, file) => {
    expect(await run('config', verb)).toBe(0);
    expect(screen.out).toBe(await readFile(new URL(`../../../schema/${file}`, import.meta.url), 'utf8'));
    screen.out = '';
    expect(await run('config', verb, '--json')).toBe(0);
    expect(JSON.parse(screen.out)).toMatchObject({ schema: 1 });
  });
});
