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
  const there = (await fleet.host('host-1').engine.images()).flatMap(({ digests }) => digests);
  return pushed.filter((tag) => {
    const digest = fleet.registry.find(`registry.test/web:${tag}`)?.digest;
    return there.includes(`registry.test/web@${digest}`);
  });
};

describe('what a deploy removes', () => {
  it('is older than the releases that are kept, with its image', async () => {
    for (const tag of ['v1', 'v2', 'v3', 'v4']) await fleet.deploy(at(web, tag));
    expect(containers()).toEqual(['web-3', 'web-4']);
    expect(await tags('v1', 'v2', 'v3', 'v4')).toEqual(['v3', 'v4']);
  });

  it('is never what a rollback would bring back, however old', async () => {
    for (const tag of ['v1', 'v2']) await fleet.deploy(at(web, tag));
    await fleet.rollback(web);
    for (const tag of ['v3', 'v4']) await fleet.deploy(at(web, tag));
    await fleet.rollback(web);
    await fleet.deploy(at(web, 'v5'));
    expect(containers()).toContain('web-3');
    await fleet.rollback(web);
    expect(fleet.running()).toEqual(['host-1 web 3 unless-stopped']);
  });

  it('is never the container of somebody else', async () => {
    fleet.host('host-1').engine.addForeign({ name: 'theirs', state: 'exited' });
    for (const tag of ['v1', 'v2', 'v3', 'v4']) await fleet.deploy(at(web, tag));
    expect(containers()).toContain('theirs');
  });

  it('is never an image that somebody else uses, by whichever name', async () => {
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

  it('is what a command of a person has left who could not tidy up, once it has ended', async () => {
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

  it('is the container of every release command that has ended', async () => {
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
