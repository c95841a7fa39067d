import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { specHash } from '../../../src/domain/container.js';
import { label } from '../../../src/domain/labels.js';
import { releaseFormat } from '../../../src/domain/release.js';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const manifest = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')));
const web = serviceOn('web', 8080);
const scope = 'shop/production';
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
});

interface Line {
  readonly order: number;
  readonly release: { readonly spec: Record<string, unknown> } & Record<string, unknown>;
  readonly [key: string]: unknown;
}

/** Rewrites the log as a newer oneclick would have written it, and removes the containers, as a prune does. */
async function rewrite(change: (line: Line) => object, hosts = fleet.hosts): Promise<void> {
  for (const { engine } of hosts) {
    for (const volume of await engine.volumes(`${label.log}=${scope}`)) {
      const line: Line = JSON.parse(volume.labels[label.activation] ?? '');
      await engine.removeVolume(volume.name);
      const labels = { ...volume.labels, [label.activation]: JSON.stringify(change(line)) };
      await engine.ensureVolume(volume.name, labels);
    }
  }
}

const withSpec = (line: Line, spec: object, more: object = {}) => ({
  ...line,
  release: { ...line.release, ...more, spec: { ...line.release.spec, ...spec } },
});

async function removeContainers(number: number): Promise<void> {
  for (const { engine } of fleet.hosts) await engine.remove(`shop-production-web-${number}`);
}

async function lines(host: string): Promise<readonly Line[]> {
  const volumes = await fleet.host(host).engine.volumes(`${label.log}=${scope}`);
  return volumes.map(({ labels }) => JSON.parse(labels[label.activation] ?? ''));
}

const problem = async (...run: Parameters<Fleet['recipe']>) => {
  const result = await fleet.recipe(...run);
  return result.kind === 'blocked'
    ? result.problems.map(({ code, message, hint }) => ({ code, message, hint }))
    : [];
};

describe('a release with settings that format 1 does not have', () => {
  it('names the version that its readers need; any other release needs none', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at({ ...web, health: { ...web.health, host: 'shop.example.com' } }, 'v2'));
    const [plain, named] = (await lines('host-1')).map(({ release }) => release);
    expect(plain).not.toHaveProperty('needs');
    expect(named).toMatchObject({ needs: { format: 2, version: '0.2.0' }, number: 2 });
    // An older client names this version in its message, so it must exist.
    expect(['0.2.0', manifest.version].sort()[0]).toBe('0.2.0');
    await fleet.deploy(at(web, 'v3'));
    await removeContainers(2);
    expect(await fleet.rollback(web)).toMatchObject({ exitCode: 0 });
    expect(fleet.running()).toEqual(everywhere('web 2 unless-stopped'));
  });
});

describe('a release log of a newer oneclick', () => {
  it('does not block a deploy or a rollback for keys outside the spec', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    await removeContainers(1);
    await rewrite((line) => ({ ...line, ticket: 'OPS-1', release: { ...line.release, approved: 'ada' } }));
    expect(await fleet.deploy(at(web, 'v3'))).toMatchObject({ exitCode: 0 });
    expect(await fleet.run('rollback', [web], { to: 1 })).toMatchObject({ exitCode: 0 });
    expect(fleet.running()).toEqual(everywhere('web 1 unless-stopped'));
  });

  it('is deployed past, and names the version that a rollback needs', async () => {
    await fleet.deploy(web);
    await removeContainers(1);
    const needs = { format: releaseFormat + 1, version: '0.9.0' };
    await rewrite((line) => withSpec(line, { readonly: true }, { needs }));
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ exitCode: 0 });
    expect((await fleet.facts([web])).hosts['host-1']?.log.web).toMatchObject([
      { release: { number: 1, needs, spec: { readonly: true } } },
      { release: { number: 2 } },
    ]);
    expect(await problem('rollback', [web])).toContainEqual({
      code: 'release.newer',
      message: 'release 1 of web needs oneclick 0.9.0 or later for its settings readonly',
      hint: 'update oneclick, or deploy a new release: oneclick deploy web',
    });
    expect(fleet.running()).toEqual(everywhere('web 2 unless-stopped'));
  });

  it.each([
    [
      'a new setting',
      { health: { path: '/', interval: 100, timeout: 100, deadline: 1000, settle: 200, grpc: true } },
      {},
      /needs a newer oneclick for its settings health\.grpc/,
    ],
    [
      'a new meaning',
      {},
      { needs: { format: releaseFormat + 1, version: '1.0.0' } },
      /needs oneclick 1\.0\.0 or later$/,
    ],
  ])('refuses to create a container with %s', async (_, spec, more, message) => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    await removeContainers(1);
    await rewrite((line) => (line.order === 1 ? withSpec(line, spec, more) : line));
    const problems = await problem('rollback', [web]);
    expect(problems.map(({ code }) => code)).toEqual(['release.newer', 'release.newer', 'release.newer']);
    expect(problems[0]?.message).toMatch(message);
  });

  it('rolls back to a kept container of a newer oneclick', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    await rewrite((line) => (line.order === 1 ? withSpec(line, { readonly: true }) : line));
    const spec = (await fleet.facts([web])).hosts['host-1']?.log.web?.[0]?.release.spec;
    for (const { engine } of fleet.hosts) {
      const old = await engine.container('shop-production-web-1');
      await engine.remove('shop-production-web-1');
      const labels = { ...old?.labels, [label.spec]: spec === undefined ? '' : specHash(spec) };
      engine.addForeign({ ...old, name: 'shop-production-web-1', labels, state: 'exited' });
    }
    expect(await fleet.rollback(web)).toMatchObject({ exitCode: 0 });
    expect(fleet.running()).toEqual(everywhere('web 1 unless-stopped'));
  });

  it('keeps unknown keys in the copies for other hosts', async () => {
    await fleet.deploy(web);
    await rewrite((line) => ({ ...withSpec(line, { readonly: true }), ticket: 'OPS-1' }));
    const [volume] = await fleet.host('host-2').engine.volumes(`${label.log}=${scope}`);
    await fleet.host('host-2').engine.removeVolume(volume?.name ?? '');
    await fleet.deploy(at(web, 'v2'));
    expect((await lines('host-2'))[0]).toEqual((await lines('host-1'))[0]);
    expect((await lines('host-2'))[0]).toMatchObject({
      ticket: 'OPS-1',
      release: { spec: { readonly: true } },
    });
  });

  it('activates releases with kinds that this oneclick does not know', async () => {
    await fleet.deploy(web);
    await rewrite((line) => ({ ...line, kind: 'import' }));
    await fleet.deploy(at(web, 'v2'));
    expect(await fleet.rollback(web)).toMatchObject({ exitCode: 0 });
    expect(fleet.running()).toEqual(everywhere('web 1 unless-stopped'));
  });

  it('names the version that an unreadable line needs', async () => {
    await fleet.deploy(web);
    const needs = { format: 3, version: '2.0.0' };
    await rewrite((line) => withSpec(line, { restart: 'always' }, { needs }));
    expect(await problem('deploy', [at(web, 'v2')])).toContainEqual({
      code: 'log.newer',
      message: expect.stringMatching(/needs oneclick 2\.0\.0 or later$/),
      hint: 'update oneclick',
    });
  });
});
