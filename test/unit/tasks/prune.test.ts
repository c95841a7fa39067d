import { beforeEach, describe, expect, it } from '@jest/globals';
import { at, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080, { count: 1, keep: 2 });
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet(1);
  for (const tag of ['v1', 'v2', 'v3', 'v4', 'v5']) fleet.push('web', tag);
});

const containers = () => fleet.state().map((line) => line.split(' ')[1]?.replace('shop-production-', ''));
const tags = async (...pushed: readonly string[]) => {
  const present = (await fleet.host('host-1').engine.images()).flatMap(({ digests }) => digests);
  return pushed.filter((tag) => {
    const digest = fleet.registry.find(`registry.test/web:${tag}`)?.digest;
    return present.includes(`registry.test/web@${digest}`);
  });
};

describe('a deploy', () => {
  it('removes releases that are no longer kept, with their images', async () => {
    for (const tag of ['v1', 'v2', 'v3', 'v4']) await fleet.deploy(at(web, tag));
    expect(containers()).toEqual(['web-3', 'web-4']);
    expect(await tags('v1', 'v2', 'v3', 'v4')).toEqual(['v3', 'v4']);
  });

  it.each(['docker.io/acme/web', 'docker.io/library/web', 'index.docker.io/acme/web'])(
    'finds images of %s, which engines list by their short names',
    async (repository) => {
      const on = (tag: string) => ({
        ...web,
        image: { kind: 'fixed' as const, reference: `${repository}:${tag}`, moves: true },
      });
      for (const tag of ['v1', 'v2', 'v3', 'v4']) {
        fleet.registry.push(`${repository}:${tag}`);
        await fleet.deploy(on(tag));
      }
      const { engine } = fleet.host('host-1');
      const present = (await engine.images()).flatMap(({ digests }) => digests);
      const short = repository.replace(/^.*docker.io.(library.)?/, '');
      expect(present.map((digest) => digest.split('@')[0])).toEqual([short, short]);
      const { changes } = await fleet.dryRun('rollback', [on('v4')]);
      expect(changes.filter((text) => text.includes('pull'))).toEqual([]);
    },
  );

  it('never removes the release that a rollback would start, however old', async () => {
    for (const tag of ['v1', 'v2']) await fleet.deploy(at(web, tag));
    await fleet.rollback(web);
    for (const tag of ['v3', 'v4']) await fleet.deploy(at(web, tag));
    await fleet.rollback(web);
    await fleet.deploy(at(web, 'v5'));
    expect(containers()).toContain('web-3');
    await fleet.rollback(web);
    expect(fleet.running()).toEqual(['host-1 web 3 unless-stopped']);
  });

  it('never removes a container without labels', async () => {
    fleet.host('host-1').engine.addForeign({ name: 'theirs', state: 'exited' });
    for (const tag of ['v1', 'v2', 'v3', 'v4']) await fleet.deploy(at(web, tag));
    expect(containers()).toContain('theirs');
  });

  it('never removes an image that another container uses', async () => {
    await fleet.deploy(web);
    const { engine } = fleet.host('host-1');
    const reference = 'registry.test/web:v1';
    await engine.pull(reference, undefined, () => {});
    engine.addForeign({ name: 'theirs', image: reference });
    for (const tag of ['v2', 'v3', 'v4']) {
      await fleet.deploy(at(web, tag));
      expect(fleet.events.filter(({ type }) => type === 'run.warning')).toEqual([]);
    }
    expect(await tags('v1')).toEqual(['v1']);
  });

  it('names what something else has begun to use in one warning, and succeeds', async () => {
    const { engine } = fleet.host('host-1');
    for (const tag of ['v1', 'v2', 'v3']) await fleet.deploy(at(web, tag));
    const digest = fleet.registry.find('registry.test/web:v2')?.digest;
    engine.faults.before('removeImage', () => {
      engine.addForeign({ name: 'theirs', image: `registry.test/web@${digest}` });
    });
    expect(await fleet.deploy(at(web, 'v4'))).toMatchObject({ result: 'done', exitCode: 0 });
    const warnings = fleet.events.filter(({ type }) => type === 'run.warning');
    expect(JSON.stringify(warnings)).toContain(
      `not removed, because something else uses it: image registry.test/web@${digest} on host-1`,
    );
    expect(await tags('v2')).toEqual(['v2']);
  });

  it('removes leftover exec containers once they have exited', async () => {
    const { engine } = fleet.host('host-1');
    const labels = {
      ...{ 'oneclick.project': 'shop', 'oneclick.environment': 'production' },
      ...{ 'oneclick.service': 'web', 'oneclick.role': 'exec' },
    };
    for (const state of ['exited', 'created', 'running'] as const)
      engine.addForeign({ name: `shop-production-web-exec-${state}`, state, labels });
    await fleet.deploy(web);
    expect(containers().sort()).toEqual(['web-1', 'web-exec-created', 'web-exec-running']);
  });

  it('removes containers of finished release commands', async () => {
    const migrates = {
      ...web,
      releaseCommand: { command: ['migrate'], onLaterFailure: 'revert' as const, timeout: 60_000 },
    };
    fleet.push('web', 'v1', { exits: { code: 0 } });
    const { engine } = fleet.host('host-1');
    await fleet.deploy(migrates);
    expect(engine.all().filter(({ labels }) => labels['oneclick.role'] === 'command')).toEqual([]);
  });
});
