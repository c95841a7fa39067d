import { beforeEach, describe, expect, it } from '@jest/globals';
import { transferRegistry } from '../../../src/domain/transfer-registry.js';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080);
const api = serviceOn('api', 9090);
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const name of ['web', 'api']) for (const tag of ['v1', 'v2', 'v3']) fleet.push(name, tag);
});

const serves = (name: string) => fleet.runningTags().filter((line) => line.includes(` ${name} `));

describe('a rollback', () => {
  it('goes back one run at a time, until none is left', async () => {
    for (const tag of ['v1', 'v2', 'v3']) await fleet.deploy(at(web, tag));
    await fleet.rollback(web);
    expect(serves('web')).toEqual(everywhere('web v2 unless-stopped'));
    await fleet.rollback(web);
    expect(serves('web')).toEqual(everywhere('web v1 unless-stopped'));
    expect((await fleet.dryRun('rollback', [web])).problems).toEqual(['release.unknown']);
  });

  it('skips services that the last run did not activate', async () => {
    await fleet.deploy(web, api);
    await fleet.deploy(at(web, 'v2'), at(api, 'v2'));
    await fleet.deploy(at(web, 'v3'));
    await fleet.rollback(web, api);
    expect(serves('web')).toEqual(everywhere('web v2 unless-stopped'));
    expect(serves('api')).toEqual(everywhere('api v2 unless-stopped'));
  });

  it('requires service names if two runs deployed to different hosts in parallel', async () => {
    const here = { ...web, instances: web.instances.slice(0, 1) };
    const there = { ...api, instances: api.instances.slice(1, 2) };
    for (const tag of ['v1', 'v2']) {
      await fleet.deploy(at(here, tag));
      await fleet.deploy(at(there, tag));
    }
    expect((await fleet.dryRun('rollback', [here, there])).problems).toEqual(['release.ambiguous']);
    await fleet.rollback(here);
    expect(fleet.runningTags()).toEqual(['host-1 web v1 unless-stopped', 'host-2 api v2 unless-stopped']);
  });

  it('goes to the release of --to, and refuses an unknown one', async () => {
    for (const tag of ['v1', 'v2', 'v3']) await fleet.deploy(at(web, tag));
    expect((await fleet.dryRun('rollback', [web], { to: 9 })).problems).toContain('release.unknown');
    await fleet.run('rollback', [web], { to: 1 });
    expect(serves('web')).toEqual(everywhere('web v1 unless-stopped'));
  });

  it('requires --to if hosts run different releases', async () => {
    for (const tag of ['v1', 'v2', 'v3']) await fleet.deploy(at(web, tag));
    const { engine } = fleet.host('host-2');
    await engine.stop('shop-production-web-3', 0);
    await engine.start('shop-production-web-1');
    expect((await fleet.dryRun('rollback', [web])).problems).toContain('release.mixed');
    await fleet.run('rollback', [web], { to: 3 });
    expect(serves('web')).toEqual(everywhere('web v3 unless-stopped'));
  });

  it('completes a rollback that died after the first host', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    const { engine } = fleet.host('host-2');
    await engine.stop('shop-production-web-2', 0);
    await engine.start('shop-production-web-1');
    await fleet.rollback(web);
    expect(serves('web')).toEqual(everywhere('web v1 unless-stopped'));
  });

  it('creates a missing container again from the release log', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    fleet.host('host-3').engine.prune();
    await fleet.rollback(web);
    expect(serves('web')).toEqual(everywhere('web v1 unless-stopped'));
  });

  it('is refused if an image pushed over SSH is gone, unless its container was kept', async () => {
    const { name } = transferRegistry({ project: 'shop', environment: 'production' });
    const transferred = (tag: string) => {
      const reference = `${name}/shop/web:${tag}`;
      fleet.registry.push(reference);
      return { ...web, image: { kind: 'fixed' as const, reference, moves: true } };
    };
    await fleet.deploy(transferred('3f2a9c'));
    await fleet.deploy(transferred('77ab01'));
    expect((await fleet.dryRun('rollback', [web])).problems).toEqual([]);
    fleet.host('host-3').engine.prune();
    expect((await fleet.dryRun('rollback', [web])).problems).toEqual(['image.gone']);
    expect(serves('web')).toEqual(everywhere('web 77ab01 unless-stopped'));
  });

  it('starts the container that was adopted as release 0', async () => {
    const one = serviceOn('web', 8080, { count: 1 });
    const { engine } = fleet.host('host-1');
    engine.addForeign({ name: 'legacy', image: 'made/here:1', restart: 'unless-stopped', ports: [8080] });
    await fleet.run('deploy', [one], { adopt: 'legacy' });
    expect(fleet.state()).toContain('host-1 legacy exited no');
    const { problems, changes } = await fleet.dryRun('rollback', [one]);
    expect([problems, changes.filter((line) => line.includes('pull'))]).toEqual([[], []]);
    expect(await fleet.rollback(one)).toMatchObject({ result: 'done' });
    expect(fleet.state()).toContain('host-1 legacy running unless-stopped');
  });
});

describe('the next release', () => {
  it('is the current one if nothing has changed', async () => {
    await fleet.deploy(web);
    expect((await fleet.dryRun('deploy', [web])).changes).toEqual([]);
  });

  it('is a new one if only the configuration has changed', async () => {
    await fleet.deploy(web);
    await fleet.deploy({ ...web, env: { LEVEL: 'debug' } });
    expect(fleet.running()).toEqual(everywhere('web 2 unless-stopped'));
  });

  it('is a new one if the value of a secret has changed', async () => {
    const secret = { ...web, secrets: ['TOKEN'] };
    fleet.secrets.set('TOKEN', 'first-value');
    await fleet.deploy(secret);
    fleet.secrets.set('TOKEN', 'second-value');
    await fleet.deploy(secret);
    expect(fleet.running()).toEqual(everywhere('web 2 unless-stopped'));
  });

  it('is the same one for an added host, and the other hosts stay untouched', async () => {
    await fleet.deploy(serviceOn('web', 8080, { count: 2 }));
    const { changes } = await fleet.dryRun('deploy', [web]);
    expect(changes.filter((line) => !line.startsWith('host-3'))).toEqual([]);
    await fleet.deploy(web);
    expect(fleet.running()).toEqual(everywhere('web 1 unless-stopped'));
  });

  it('has a higher number than dead candidates', async () => {
    await fleet.deploy(web);
    await fleet.run('deploy', [at(web, 'v2')], {}, 20);
    expect(fleet.state().some((line) => line.includes('web-2'))).toBe(true);
    await fleet.deploy(at(web, 'v3'));
    expect(fleet.running()).toEqual(everywhere('web 3 unless-stopped'));
  });
});
