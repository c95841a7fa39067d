import { beforeEach, describe, expect, it } from '@jest/globals';
import { chooseCanary } from '../../../src/app/canary.js';
import { releasesDocument } from '../../../src/app/releases.js';
import type { Service } from '../../../src/domain/service.js';
import { serviceStatus } from '../../../src/domain/service-status.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web: Service = {
  ...serviceOn('web', 80, { targetGroup: 'shop-web', swap: 'beside' }),
  port: { host: 80, container: 80, range: { from: 20_000, to: 20_040 } },
};

let fleet: Fleet;
let group: string;

beforeEach(async () => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
  for (const { id } of web.instances) fleet.cloud.launch(id);
  group = fleet.cloud.addGroup('shop-web');
  fleet.serveBalancer(group, 'shop-web-lb.elb.example.com');
  expect((await fleet.deploy(web)).result).toBe('done');
});

const canary = (tag: string) => fleet.run('canary', chooseCanary([at(web, tag)], '10%').services);
const targets = async () =>
  (await fleet.cloud.targets(group)).map(({ id, port, state }) => `${id}:${port} ${state}`).sort();
const serving = (...tags: readonly (readonly [host: number, tag: string])[]) =>
  tags.map(([host, tag]) => `host-${host} web ${tag} unless-stopped`).sort();
const old = serving([1, 'v1'], [2, 'v1'], [3, 'v1']);
const everywhere = (tag: string) => serving([1, tag], [2, tag], [3, tag]);

describe('a canary', () => {
  beforeEach(async () => {
    expect((await canary('v2')).result).toBe('done');
  });

  it('serves next to the old containers, and survives settle', async () => {
    const both = [...old, ...serving([1, 'v2'])].sort();
    expect(fleet.runningTags()).toEqual(both);
    const healthy = ['i-1:20000', 'i-1:20001', 'i-2:20000', 'i-3:20000'].map((target) => `${target} healthy`);
    expect(await targets()).toEqual(healthy);
    expect((await fleet.run('settle', [web])).result).toBe('unchanged');
    expect((await canary('v2')).result).toBe('done');
    expect([fleet.runningTags(), await targets()]).toEqual([both, healthy]);
  });

  it('is shown in the status next to the current release, without a problem', async () => {
    const facts = await fleet.facts([web]);
    const { run } = await fleet.plan('settle', [web]);
    const standings = web.instances.map(({ host }) =>
      serviceStatus(facts, run, web, host, fleet.clock.now()),
    );
    expect(standings.map((each) => [each.release, each.canary, each.why])).toEqual([
      [1, 2, null],
      [1, null, null],
      [1, null, null],
    ]);
  });

  it('is shown in the status as unhealthy if it crashes', async () => {
    fleet.host('host-1').engine.crash('shop-production-web-2', 137);
    const { run } = await fleet.plan('settle', [web]);
    const { why } = serviceStatus(await fleet.facts([web]), run, web, 'host-1', fleet.clock.now());
    expect(why).toBe('canary: container keeps crashing: 1 restart, exited with code 137');
  });

  it('stays a canary when the release log is lost', async () => {
    for (const { engine } of fleet.hosts)
      for (const { name } of await engine.volumes('oneclick.log=shop/production'))
        await engine.removeVolume(name);
    const restored = (await fleet.facts([web])).hosts['host-1']?.restored;
    const lines = restored?.web?.map(({ kind, release }) => `${kind} ${release.number}`);
    expect(lines).toEqual(['deploy 1', 'canary 2']);
  });

  it('is shown by releases and plan: it replaces nothing, and a rollback removes it', async () => {
    const facts = await fleet.facts([web]);
    const { run } = await fleet.plan('rollback', [web]);
    const { services } = releasesDocument(facts, { run, services: [web] });
    expect(services[0]).toMatchObject({
      current: 1,
      rollback: { release: 1, because: 'rollback removes its canary, release 2' },
    });
    const { steps } = await fleet.preview('canary', [at(web, 'v2')]);
    const decided = steps.find(({ step }) => step.task === 'rollout.resolve');
    expect(decided?.verdict).toMatchObject({
      because: 'release 2 (registry.test/web:v2) runs as a canary next to release 1',
    });
  });

  it('is deployed to every instance by promote, which reuses its container', async () => {
    const made = fleet.host('host-1').engine.faults.calls.filter(({ call }) => call === 'create').length;
    expect((await fleet.run('promote', [web])).result).toBe('done');
    expect(fleet.runningTags()).toEqual(everywhere('v2'));
    expect(await targets()).toEqual(['i-1', 'i-2', 'i-3'].map((id) => `${id}:20001 healthy`));
    const { calls } = fleet.host('host-1').engine.faults;
    expect(calls.filter(({ call }) => call === 'create')).toHaveLength(made);
    expect((await fleet.rollback(web)).result).toBe('done');
    expect(fleet.runningTags()).toEqual(old);
  });

  it('is promoted by a deploy of the same image', async () => {
    expect((await fleet.deploy(at(web, 'v2'))).result).toBe('done');
    expect(fleet.running()).toEqual(
      ['host-1', 'host-2', 'host-3'].map((host) => `${host} web 2 unless-stopped`),
    );
  });

  it('is removed by a rollback, which keeps the old targets; its number is not reused', async () => {
    const before = fleet.cloud.faults.calls.length;
    expect((await fleet.rollback(web)).result).toBe('done');
    expect(fleet.runningTags()).toEqual(old);
    expect(await targets()).toEqual(['i-1', 'i-2', 'i-3'].map((id) => `${id}:20000 healthy`));
    const since = JSON.stringify(
      fleet.cloud.faults.calls.slice(before).filter(({ call }) => call === 'deregister'),
    );
    expect(since).toContain('20001');
    expect(since).not.toContain('20000');
    await fleet.deploy(at(web, 'v3'));
    expect(fleet.running()[0]).toBe('host-1 web 3 unless-stopped');
  });

  it('blocks a second canary', async () => {
    const { services } = chooseCanary([at(web, 'v3')], '10%');
    expect((await fleet.dryRun('canary', services)).problems).toEqual(['canary.other']);
  });

  it('is replaced together with the old release by a deploy of another image', async () => {
    expect((await fleet.deploy(at(web, 'v3'))).result).toBe('done');
    expect(fleet.runningTags()).toEqual(everywhere('v3'));
    expect((await fleet.rollback(web)).result).toBe('done');
    expect(fleet.runningTags()).toEqual(old);
  });
});

describe('a canary that', () => {
  it('stays unhealthy is undone', async () => {
    fleet.cloud.answer({ id: 'i-1', port: 20_001 }, 'unhealthy');
    expect((await canary('v2')).result).toBe('reverted');
    expect(fleet.runningTags()).toEqual(old);
    const { problems } = await fleet.dryRun('promote', [web]);
    expect(problems).toEqual(['canary.none']);
  });

  it('died before its commit is deregistered by the next one', async () => {
    const { services } = chooseCanary([at(web, 'v2')], '10%');
    const registered = async () => (await targets()).filter((line) => line.startsWith('i-1:'));
    for (let after = 5; (await registered()).length < 2; after += 1)
      await fleet.run('canary', services, {}, after).catch(() => undefined);
    expect((await fleet.dryRun('promote', [web])).problems).toEqual(['canary.none']);
    expect((await canary('v3')).result).toBe('done');
    expect(await registered()).toEqual(['i-1:20000 healthy', expect.stringMatching(/healthy$/)]);
    expect(fleet.runningTags()).toEqual([...old, ...serving([1, 'v3'])].sort());
  });

  it('would be the first release is refused before any change', async () => {
    const fresh = { ...web, name: 'api' };
    fleet.push('api', 'v1');
    const image = { kind: 'fixed', reference: 'registry.test/api:v1', moves: true } as const;
    const { problems } = await fleet.dryRun('canary', [{ ...fresh, image }]);
    expect(problems).toEqual(['canary.first']);
  });
});

describe('the share of a canary', () => {
  const shareOf = (count: number, share: string) => {
    const { services, notes } = chooseCanary(
      [serviceOn('web', 80, { count, targetGroup: 'g', swap: 'beside' })],
      share,
    );
    return [services[0]?.instances.length, notes[0]?.replace(/ on .*, about/, ', about')];
  };

  it.each([
    [1, '10%', 1, 'web: canary, about 50% of requests'],
    [3, '10%', 1, 'web: canary, about 25% of requests'],
    [20, '10%', 2, 'web: canary, about 9% of requests'],
    [20, '50%', 20, 'web: canary, about 50% of requests'],
  ])('of %d instances is reported exactly for %s', (count, share, canaries, note) => {
    expect(shareOf(count, share)).toEqual([canaries, note]);
  });

  it.each(['0%', '51%', '10', 'x%', '-5%'])('is refused as %s', (share) => {
    expect(() => shareOf(3, share)).toThrow('--canary must be a share from 1% to 50%');
  });

  it('is refused without a load balancer and with swap: drain', () => {
    expect(() => chooseCanary([serviceOn('web', 80)], '10%')).toThrow('web is not behind a load balancer');
    const drained = serviceOn('web', 80, { targetGroup: 'g', swap: 'drain' });
    expect(() => chooseCanary([drained], '10%')).toThrow('web must use swap: beside for a canary, not drain');
  });
});
