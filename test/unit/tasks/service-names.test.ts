import { beforeEach, describe, expect, it } from '@jest/globals';
import { chooseCanary } from '../../../src/app/canary.js';
import type { Service } from '../../../src/domain/service.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web: Service = {
  ...serviceOn('web', 80, { targetGroup: 'shop-web', swap: 'beside' }),
  port: { host: 80, container: 80, range: { from: 20_000, to: 20_040 } },
};
const worker = serviceOn('worker', 9000);
const network = 'shop-production';
const names = 'shop-production-names';

let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
  for (const tag of ['v1', 'v2']) fleet.push('worker', tag);
  fleet.push('web', 'bad', { answers: 500 });
  for (const { id } of web.instances) fleet.cloud.launch(id);
  fleet.serveBalancer(fleet.cloud.addGroup('shop-web'), 'shop-web-lb.elb.example.com');
  expect(await fleet.deploy(web)).toMatchObject({ result: 'done' });
});

const engineOf = (host = 'host-1') => fleet.host(host).engine;
/** The running containers that other services reach as `web`. */
const named = () =>
  engineOf()
    .all()
    .filter(({ state, aliases = {} }) => state === 'running' && Object.values(aliases).flat().includes('web'))
    .map(({ name }) => name);
const canary = (tag: string) => fleet.run('canary', chooseCanary([at(web, tag)], '10%').services);
/** Looks before each of these calls to the engine of host-1. */
function watch<T>(call: 'container' | 'setRestart' | 'stop', look: () => T): T[] {
  const seen: T[] = [];
  engineOf().faults.before(call, () => void seen.push(look()), 99);
  return seen;
}

describe('the name of a service that runs two containers during a deploy', () => {
  it('is on a network of its own, where its container has a fixed address', async () => {
    expect(named()).toEqual(['shop-production-web-1']);
    const [container] = engineOf()
      .all()
      .filter(({ name }) => name === 'shop-production-web-1');
    expect(container?.aliases).toEqual({ [names]: ['web'] });
    expect(container?.addresses?.[names]).toMatch(/^172\.\d+\.(1[2-9]\d|2\d\d)\.\d+$/);
  });

  it('moves once the new container is healthy, and before the old one drains', async () => {
    const booting = watch('setRestart', named);
    const { clock } = fleet;
    const stops = watch('stop', () => [named(), clock.monotonic()] as const);
    const before = clock.monotonic();
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ result: 'done' });
    expect(booting[0]).toEqual(['shop-production-web-1']);
    expect(stops.map(([all]) => all)).toEqual([['shop-production-web-2']]);
    expect((stops[0]?.[1] ?? 0) - before).toBeGreaterThan(15_000);
    expect(named()).toEqual(['shop-production-web-2']);
  });

  it('keeps the address of both containers, so that their connections survive', async () => {
    const addresses = () =>
      engineOf()
        .all()
        .flatMap(({ addresses = {} }) => addresses[names] ?? []);
    const [first] = addresses();
    await fleet.deploy(at(web, 'v2'));
    expect(addresses()).toHaveLength(2);
    expect(addresses()).toContain(first);
    expect(new Set(addresses()).size).toBe(2);
  });

  it('is not given to a canary until that is promoted', async () => {
    expect(await canary('v2')).toMatchObject({ result: 'done' });
    expect(named()).toEqual(['shop-production-web-1']);
    expect(await canary('v2')).toMatchObject({ result: 'done' });
    expect(named()).toEqual(['shop-production-web-1']);
    expect(await fleet.run('promote', [web])).toMatchObject({ result: 'done' });
    expect(named()).toEqual(['shop-production-web-2']);
  });

  it('stays with the old container if the new one never becomes healthy', async () => {
    const seen = watch('container', named);
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ exitCode: 6 });
    expect(new Set(seen.flat())).toEqual(new Set(['shop-production-web-1']));
    expect(named()).toEqual(['shop-production-web-1']);
  });

  it('is taken back before the new container stops in an undo', async () => {
    fleet.cloud.faults.fail('register', new Error('no'), 9);
    const stops = watch('stop', named);
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ result: 'reverted' });
    expect(stops).toEqual([['shop-production-web-1']]);
    expect(named()).toEqual(['shop-production-web-1']);
  });

  it('returns to the kept container in a rollback', async () => {
    await fleet.deploy(at(web, 'v2'));
    expect(await fleet.run('rollback', [web])).toMatchObject({ result: 'done' });
    expect(named()).toEqual(['shop-production-web-1']);
  });

  it('returns to the old container in a rollback while that still runs', async () => {
    await fleet.run('deploy', [at(web, 'v2')], { settle: false });
    expect(named()).toEqual(['shop-production-web-1', 'shop-production-web-2']);
    expect(await fleet.run('rollback', [web])).toMatchObject({ result: 'done' });
    expect(named()).toEqual(['shop-production-web-1']);
  });

  it('survives stop, start and restart', async () => {
    await fleet.run('restart', [web]);
    expect(named()).toEqual(['shop-production-web-1']);
    await fleet.run('stop', [web]);
    await fleet.run('start', [web]);
    expect(named()).toEqual(['shop-production-web-1']);
  });

  it('survives the loss of both networks while it is stopped', async () => {
    await fleet.run('stop', [web]);
    for (const { engine } of fleet.hosts) for (const name of [network, names]) engine.dropNetwork(name);
    expect(await fleet.run('start', [web])).toMatchObject({ result: 'done' });
    expect(named()).toEqual(['shop-production-web-1']);
  });

  it('is found by services that change one after the other, whose own names stay as they were', async () => {
    expect(await fleet.deploy(worker)).toMatchObject({ result: 'done' });
    const [found] = engineOf()
      .all()
      .filter(({ name }) => name === 'shop-production-worker-1');
    expect(found?.networks).toEqual([network, names]);
    expect(found?.aliases).toEqual({ [network]: ['worker'] });
  });
});

describe('the explanation', () => {
  const lines = async (recipe: string, service: Service) =>
    (await fleet.explain(recipe, [service])).filter(({ host }) => host === 'host-1').map(({ line }) => line);

  it('creates the network in two halves and joins it, without a name', async () => {
    for (const { engine } of fleet.hosts) {
      for (const { name } of engine.all()) await engine.disconnect(names, name);
      engine.dropNetwork(names);
    }
    const all = await lines('deploy', at(web, 'v2'));
    expect(all.find((line) => line.startsWith(`docker network inspect ${names} `))).toMatch(
      / \|\| \{ docker network create --internal .* && subnet=.* && docker network rm \S+ && docker network create --internal --subnet /,
    );
    for (const container of ['network', 'web-1', 'web-2'])
      expect(all).toContain(`docker network connect ${names} shop-production-${container}`);
    expect(all.find((line) => line.startsWith('docker create --name shop-production-web-2'))).not.toContain(
      '--network-alias',
    );
  });

  it('gives the name to a healthy container, and takes it from the old one before that stops', async () => {
    const all = await lines('deploy', at(web, 'v2'));
    const position = (pattern: RegExp) => all.findIndex((line) => pattern.test(line));
    const give = position(/^ip=.* docker network connect --ip "\$ip" --alias web \S+-names \S+-web-2$/);
    const take = position(/^ip=.* docker network connect --ip "\$ip" \S+-names \S+-web-1$/);
    const stop = position(/^docker stop .*-web-1$/);
    const order = [position(/until /), give, take, stop];
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order).not.toContain(-1);
    expect(await lines('canary', at(web, 'v2'))).not.toContainEqual(expect.stringContaining('--alias'));
  });
});

describe('a host that the version before deployed', () => {
  beforeEach(async () => {
    fleet = new Fleet();
    for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
    fleet.push('worker', 'v1');
    for (const { id } of web.instances) fleet.cloud.launch(id);
    fleet.serveBalancer(fleet.cloud.addGroup('shop-web'), 'shop-web-lb.elb.example.com');
    await fleet.deploy(web);
    await fleet.deploy(worker);
    for (const { engine } of fleet.hosts) {
      for (const { name } of engine.all()) {
        if (!engine.all().some((one) => one.name === name && one.networks.includes(names))) continue;
        await engine.disconnect(names, name);
        if (name === 'shop-production-web-1') await engine.connect(network, name, ['web']);
      }
      engine.dropNetwork(names);
    }
  });

  it('keeps the name of the old container, which its first deploy does not disconnect', async () => {
    const stops = watch('stop', named);
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ result: 'done' });
    expect(stops).toEqual([['shop-production-web-1', 'shop-production-web-2']]);
    expect(named()).toEqual(['shop-production-web-2']);
  });

  it('lets its running containers reach services by their new names', async () => {
    await fleet.deploy(at(web, 'v2'));
    const running = engineOf()
      .all()
      .filter(({ state }) => state === 'running');
    expect(running.map(({ networks }) => networks.includes(names))).toEqual(running.map(() => true));
  });

  it('gives the name again after a rollback to a container that has it from its creation', async () => {
    await fleet.deploy(at(web, 'v2'));
    expect(await fleet.run('rollback', [web])).toMatchObject({ result: 'done' });
    expect(named()).toEqual(['shop-production-web-1']);
  });
});
