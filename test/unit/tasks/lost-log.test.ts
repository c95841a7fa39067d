import { beforeEach, describe, expect, it } from '@jest/globals';
import { label } from '../../../src/domain/labels.js';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080);
const before = everywhere('web v3 unless-stopped');
let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2', 'v3', 'v4']) fleet.push('web', tag);
  fleet.push('web', 'bad', { answers: 500 });
  for (const tag of ['v1', 'v2', 'v3']) await fleet.deploy(at(web, tag));
});

/** Like `docker volume prune` before Docker 23, on every host. */
async function pruneVolumes(): Promise<void> {
  for (const { engine } of fleet.hosts)
    for (const { name } of await engine.volumes('oneclick.log=shop/production'))
      await engine.removeVolume(name);
}

/** Like `docker system prune`: only what runs stays. */
async function pruneContainers(): Promise<void> {
  for (const { engine } of fleet.hosts)
    for (const { name, state } of await engine.containers())
      if (state !== 'running') await engine.remove(name);
}

const releases = async () => {
  const { hosts } = await fleet.facts([web]);
  return Object.values(hosts).map(({ log }) => log.web?.map(({ release }) => release.number));
};

describe('a deploy after the release log was lost', () => {
  beforeEach(pruneVolumes);

  it('that fails leaves running what ran before', async () => {
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(fleet.runningTags()).toEqual(before);
  });

  it('continues the log and its numbers on every host', async () => {
    expect(await fleet.deploy(at(web, 'v4'))).toMatchObject({ result: 'done' });
    expect(await releases()).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
  });

  it('can be rolled back', async () => {
    await fleet.deploy(at(web, 'v4'));
    expect(await fleet.rollback(web)).toMatchObject({ exitCode: 0 });
    expect(fleet.runningTags()).toEqual(before);
  });

  it('says that the log was rebuilt', async () => {
    const { steps } = await fleet.preview('deploy', [at(web, 'v4')]);
    expect(JSON.stringify(steps)).toContain('the release log was lost and is rebuilt');
  });

  it('of the release that runs changes nothing but the log', async () => {
    const containers = fleet.state();
    expect(await fleet.deploy(at(web, 'v3'))).toMatchObject({ exitCode: 0 });
    expect(fleet.state()).toEqual(containers);
    expect(await releases()).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });
});

describe('the rebuilt log', () => {
  it('needs only the running containers', async () => {
    await pruneVolumes();
    await pruneContainers();
    expect(await fleet.rollback(web)).toMatchObject({ exitCode: 0 });
    expect(fleet.runningTags()).toEqual(everywhere('web v2 unless-stopped'));
  });

  it('ends with the release that runs after a rollback', async () => {
    await fleet.rollback(web);
    await pruneVolumes();
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted' });
    expect(fleet.runningTags()).toEqual(everywhere('web v2 unless-stopped'));
    await fleet.deploy(at(web, 'v4'));
    await fleet.rollback(web);
    expect(fleet.runningTags()).toEqual(everywhere('web v2 unless-stopped'));
  });

  it('has no release of a candidate that a dead run left behind', async () => {
    await fleet.run('deploy', [at(web, 'v4')], {}, 14);
    expect(fleet.state()).toContainEqual(expect.stringContaining('web-4'));
    await pruneVolumes();
    const restored = (await fleet.facts([web])).hosts['host-1']?.restored;
    expect(restored?.web?.map(({ release }) => release.number)).toEqual([1, 2, 3]);
  });

  it.each(['not a copy', 'AAAA', ''])('ignores a label with the value %j', async (copy) => {
    await pruneVolumes();
    for (const { engine } of fleet.hosts)
      for (const { name, labels } of engine.all()) engine.relabel(name, { ...labels, [label.logCopy]: copy });
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted' });
    expect(fleet.runningTags()).toEqual(before);
    await fleet.deploy(at(web, 'v4'));
    expect(await fleet.rollback(web)).toMatchObject({ exitCode: 0 });
    expect(fleet.runningTags()).toEqual(before);
  });
});
