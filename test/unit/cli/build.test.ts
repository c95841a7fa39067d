import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { platformFor, targetsOf } from '../../../src/app/build/build-images.js';
import { builderOf } from '../../../src/app/build/docker-cli.js';
import { transferRegistry } from '../../../src/domain/transfer-registry.js';
import { service } from '../../fakes/recipes.js';
import { classicLayout, tarOf } from '../../fakes/saved-images.js';
import { TestProject } from './test-project.js';

const config = `project: shop
registry: ghcr.io/acme
services:
  web:
    build: { context: app, dockerfile: docker/web, target: run, args: { MODE: "a b" }, secrets: [TOKEN] }
  worker: { build: . }
  db: { image: "postgres:16" }
environments:
  production: { hosts: { web-1: { address: 127.0.0.1, port: 1 } } }
`;

let project: TestProject;

beforeEach(async () => {
  project = await TestProject.open(config);
  project.setVariables({ TOKEN: 'hunter2-hunter2' });
});
afterEach(() => project.close());

describe('oneclick build', () => {
  it('builds services with build:, tags the commit, and pushes only with --push', async () => {
    const commit = await project.git('rev-parse', '--short=12', 'HEAD');
    expect(await project.run('build', 'worker', '--json')).toBe(0);
    expect(await project.calls()).toEqual([
      `build --tag ghcr.io/acme/shop-worker:${commit} --force-rm ${project.folder}`,
      'kit  token hunter2-hunter2',
    ]);
    expect(JSON.parse(project.screen.out)).toMatchObject({
      schema: 1,
      tag: commit,
      images: [{ services: ['worker'], result: 'built', pushed: false }],
    });
    expect(project.screen.error).toContain('step 2\n');
  });

  it('passes on every key of build, and secrets by name only', async () => {
    await project.docker('buildx');
    expect(
      await project.run('build', 'web', '--push', '--tag', 'v2', '--platform', 'linux/arm64', '--no-cache'),
    ).toBe(0);
    const [build, output, push] = await project.calls();
    expect(build).toBe(
      `build --tag ghcr.io/acme/shop-web:v2 --file ${project.folder}/app/docker/web --target run --build-arg MODE=a b` +
        ` --secret id=TOKEN,env=TOKEN --platform linux/arm64 --no-cache --progress plain --load ${project.folder}/app`,
    );
    expect(output).toBe('kit 1 token hunter2-hunter2');
    expect(push).toBe('push ghcr.io/acme/shop-web:v2');
    expect(project.screen.out).toContain('✓ web: ghcr.io/acme/shop-web:v2 built and pushed');
    expect(project.screen.error).toContain('step 2');
    expect(project.screen.out + project.screen.error).not.toContain('hunter2');
  });

  it('groups the output of docker where the CI can fold it', async () => {
    project.setVariables({ GITHUB_ACTIONS: 'true' });
    await project.run('build', 'worker', '--tag', 'v2');
    expect(project.screen.error).toContain('::group::build worker: ghcr.io/acme/shop-worker:v2\n');
    expect(project.screen.error).toContain('::endgroup::');
  });

  it('refuses uncommitted changes, or marks the tag with --dirty', async () => {
    await project.write('new.txt', 'one');
    expect(await project.failure('build', 'worker')).toMatchObject({
      kind: 'usage',
      code: 'build.dirty',
      evidence: ['?? new.txt'],
    });
    const tagged = async () => {
      await project.run('build', 'worker', '--dirty');
      return (await project.calls())
        .filter((line) => line.startsWith('build'))
        .at(-1)
        ?.split(' ')[2];
    };
    const first = await tagged();
    expect(first).toMatch(/shop-worker:[0-9a-f]{12}-dirty-[0-9a-f]{8}$/);
    expect(await tagged()).toBe(first);
    await project.write('new.txt', 'two');
    expect(await tagged()).not.toBe(first);
    expect(await project.git('status', '--porcelain')).toBe('?? new.txt');
  });

  it('warns if the context contains run journals or secrets, and names the lines to add', async () => {
    const warned = async () => {
      project.screen.error = '';
      await project.run('build', 'worker', '--tag', 'v2', '--plain');
      return project.screen.error.split('\n').filter((line) => line.includes('build context'));
    };
    expect(await warned()).toEqual([]);
    await mkdir(join(project.folder, '.oneclick/runs'), { recursive: true });
    await project.write('.oneclick/runs/3f2a9c.jsonl', '');
    expect(await warned()).toEqual([
      expect.stringMatching(
        /worker includes \.oneclick\/runs, which may contain secrets: add it to \.dockerignore$/,
      ),
    ]);
    await project.write('.env.production', 'TOKEN=1\n');
    await project.write('.dockerignore', '# comments\n*\n!.env*\n');
    expect(await warned()).toEqual([expect.stringContaining('worker includes .env.production, which')]);
    await project.write('Dockerfile.dockerignore', '');
    expect(await warned()).toEqual([expect.stringContaining('worker includes .env.production, which')]);
    await project.docker('buildx');
    expect(await warned()).toEqual([
      expect.stringMatching(
        /\.oneclick\/runs and \.env\.production.*: add them to Dockerfile\.dockerignore$/,
      ),
    ]);
    await project.write('Dockerfile.dockerignore', '.oneclick/runs\n.env.production\n');
    expect(await warned()).toEqual([]);
  });

  it('does not warn if the context is a folder without journals', async () => {
    await mkdir(join(project.folder, '.oneclick/runs'), { recursive: true });
    await project.write('.oneclick/runs/3f2a9c.jsonl', '');
    await project.docker('buildx');
    await project.run('build', 'web', '--tag', 'v2', '--plain');
    expect(project.screen.error).not.toContain('build context');
  });

  it('reports missing secrets and services without build:', async () => {
    project.setVariables({});
    await project.docker('buildx');
    expect(await project.failure('build', 'web')).toMatchObject({ kind: 'access', code: 'secret.missing' });
    expect(await project.failure('build', 'db')).toMatchObject({ kind: 'usage', code: 'build.none' });
    expect(await project.failure('build', 'workr')).toMatchObject({ hint: 'did you mean worker?' });
  });

  it('requires BuildKit for secrets', async () => {
    expect(await project.failure('build', 'web')).toMatchObject({ kind: 'failed', code: 'build.buildkit' });
  });

  it.each([
    ['dead', 'unreachable', 'docker.engine', ['Cannot connect to the Docker daemon']],
    ['broken', 'failed', 'build.failed', expect.arrayContaining(['RUN make: no such file'])],
    [
      'helperless',
      'access',
      'registry.helper',
      expect.arrayContaining([expect.stringContaining('docker-credential-desktop')]),
    ],
    [
      'baseless',
      'access',
      'image.access',
      expect.arrayContaining([expect.stringContaining('ghcr.io/acme/base')]),
    ],
    ['denied', 'access', 'push.denied', [expect.stringMatching(/^denied/)]],
  ])('explains the failure when docker is %s', async (state, kind, code, evidence) => {
    await project.docker(state);
    const failure = await project.failure('build', 'worker', '--push', '--plain');
    expect(failure).toMatchObject({ kind, code, evidence, hint: expect.any(String) });
  });

  it('explains how to install docker when it is missing', async () => {
    await project.removeDocker();
    project.setVariables({ PATH: '/nowhere' });
    expect(await project.failure('build', 'worker', '--tag', 'v1')).toMatchObject({
      kind: 'unreachable',
      code: 'docker.missing',
    });
  });
});

describe('deploy --build', () => {
  it('builds nothing when a host cannot be reached', async () => {
    const failure = await project.failure('deploy', 'worker', '--build');
    expect(failure).toMatchObject({ kind: 'unreachable', host: 'web-1' });
    expect(await project.calls()).toEqual([]);
  });

  it('builds nothing when a secret has no value', async () => {
    await project.write('oneclick.yml', config.replace('worker: {', 'worker: { secrets: [DATABASE_URL],'));
    await project.commit();
    const failure = await project.failure('deploy', 'worker', '--build');
    expect(failure).toMatchObject({ kind: 'access', message: expect.stringContaining('DATABASE_URL') });
    expect(await project.calls()).toEqual([]);
  });

  it.each([
    ['plan', '--build'],
    ['deploy', '--build', '--dry-run'],
  ])('%s %s builds nothing', async (...words) => {
    expect(await project.run(...words, '--plain')).toBe(5);
    await project.write('new.txt', 'one');
    expect(await project.failure(...words, '--plain')).toMatchObject({ code: 'build.dirty' });
    expect(await project.calls()).toEqual([]);
  });

  it('cannot be explained, and is required by its options', async () => {
    expect(await project.failure('deploy', '--build', '--explain')).toMatchObject({ kind: 'usage' });
    expect(await project.failure('plan', '--dirty')).toMatchObject({ kind: 'usage', hint: 'add --build' });
    expect(await project.failure('deploy', '--dirty')).toMatchObject({ kind: 'usage', hint: 'add --build' });
  });
});

describe('deploy --build --push-over-ssh', () => {
  const platform = ['--platform', 'linux/amd64'];
  const words = ['deploy', 'worker', '--build', '--push-over-ssh', '--tag', 'v2', ...platform];
  const { name } = transferRegistry({ project: 'shop', environment: 'production' });
  const tag = `${name}/acme/shop-worker:v2`;

  it('builds under the name that the hosts pull, and pushes nothing', async () => {
    await project.save(tarOf(classicLayout([{ tag, layers: [Buffer.from('layer')] }])));
    await project.docker('there');
    expect(await project.run(...words, '--json')).not.toBe(0);
    expect((await project.calls()).filter((line) => !line.startsWith('kit'))).toEqual([
      `build --tag ${tag} ${platform.join(' ')} --force-rm ${project.folder}`,
      `save ${tag}`,
    ]);
  });

  it('explains why an image cannot be saved', async () => {
    await project.save(Buffer.from('not an archive'));
    expect(await project.failure(...words, '--json')).toMatchObject({ code: 'shipment.unreadable' });
    await project.save(tarOf(classicLayout([{ tag: `${name}/acme/other:v2`, layers: [] }])));
    expect(await project.failure(...words, '--json')).toMatchObject({
      message: expect.stringContaining(`${tag} is missing`),
    });
    await project.docker('full');
    expect(await project.failure(...words, '--json')).toMatchObject({
      code: 'docker.save',
      evidence: ['write /dev/stdout: no space left on device'],
      hint: expect.stringContaining('TMPDIR'),
    });
  });

  it('requires --build and a single platform', async () => {
    expect(await project.failure('deploy', '--push-over-ssh')).toMatchObject({ hint: 'add --build' });
    expect(await project.failure(...words, '--platform', 'linux/amd64,linux/arm64')).toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('supports one platform'),
    });
  });
});

describe('the images to build', () => {
  it('are for the platform of the hosts, unless that is the default', () => {
    expect(platformFor([], 'linux/amd64')).toBeUndefined();
    expect(platformFor(['linux/amd64', 'linux/amd64'], 'linux/amd64')).toBeUndefined();
    expect(platformFor(['linux/arm64'], 'linux/amd64')).toBe('linux/arm64');
    expect(() => platformFor(['linux/arm64', 'linux/amd64'], 'linux/amd64')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringContaining('linux/amd64, linux/arm64'),
      }),
    );
  });

  const source = { kind: 'build' as const, repository: 'r/web', context: '/a' };

  it('are shared by services with the same build', () => {
    const web = service('web', { image: source });
    const worker = service('worker', { image: source });
    expect(targetsOf([web, worker], 'v1')).toMatchObject([
      { services: ['web', 'worker'], reference: 'r/web:v1' },
    ]);
    const other = service('worker', { image: { ...source, target: 'x' } });
    expect(() => targetsOf([web, other], 'v1')).toThrow(expect.objectContaining({ code: 'build.twice' }));
    expect(() => targetsOf([web], 'a b')).toThrow(expect.objectContaining({ code: 'image.reference' }));
  });

  it.each([
    ['28.0.0', '20.10.0', true, undefined, 'buildx'],
    ['28.0.0', '28.0.0', false, undefined, 'classic'],
    ['20.10.24+dfsg1', '20.10.24', false, undefined, 'buildkit'],
    ['20.10.24', '18.03.0', false, undefined, 'classic'],
    ['28.0.0', '28.0.0', true, '0', 'classic'],
  ])('is built by what docker %s and engine %s have', (client, engine, buildx, wish, builder) => {
    expect(builderOf(client, engine, buildx, wish)).toBe(builder);
  });
});
