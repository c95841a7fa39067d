import { beforeEach, describe, expect, it } from '@jest/globals';
import { quarantineTag } from '../../../src/domain/balancing.js';
import type { Service } from '../../../src/domain/service.js';
import { defaultSettings } from '../../fakes/cloud.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web: Service = {
  ...serviceOn('web', 80, { targetGroup: 'shop-web', swap: 'beside' }),
  port: { host: 80, container: 80, range: { from: 20_000, to: 20_040 } },
};
const ids = web.instances.map(({ id }) => id);

let fleet: Fleet;
let group: string;

beforeEach(async () => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
  for (const id of ids) fleet.cloud.launch(id);
  group = fleet.cloud.addGroup('shop-web');
  fleet.serveBalancer(group, 'shop-web-lb.elb.example.com');
  expect((await fleet.deploy(web)).result).toBe('done');
});

async function targets(): Promise<readonly string[]> {
  return (await fleet.cloud.targets(group)).map(({ id, port, state }) => `${id}:${port} ${state}`).sort();
}

const healthyOn = (port: number) => ids.map((id) => `${id}:${port} healthy`);
const onEach = (state: string) => fleet.hosts.map(({ name }) => `${name} web ${state}`);

describe('a deploy beside', () => {
  it('stops the old containers only after the new ones answer and the old ones have drained', async () => {
    expect(await targets()).toEqual(healthyOn(20_000));
    const counts: number[] = [];
    const watch = async () => {
      const healthy = (await fleet.cloud.targets(group)).filter(({ state }) => state === 'healthy');
      counts.push(new Set(healthy.map(({ id }) => id)).size);
    };
    const running: string[][] = [];
    fleet.cloud.faults.before('deregister', () => void running.push([...fleet.runningTags()]));
    for (const { engine } of fleet.hosts)
      for (const call of ['start', 'stop'] as const) engine.faults.before(call, watch, 9);
    const before = fleet.clock.monotonic();
    expect((await fleet.deploy(at(web, 'v2'))).result).toBe('done');
    expect(fleet.runningTags()).toEqual(onEach('v2 unless-stopped'));
    expect(await targets()).toEqual(healthyOn(20_001));
    expect(running[0]).toHaveLength(6);
    // Three starts and three stops.
    expect(counts).toEqual([3, 3, 3, 3, 3, 3]);
    expect(fleet.clock.monotonic() - before).toBeGreaterThan(defaultSettings.deregistrationDelay + 15_000);
  });

  it('can skip the wait for the drain, and be settled later', async () => {
    expect((await fleet.run('deploy', [at(web, 'v2')], { settle: false })).result).toBe('done');
    expect(fleet.runningTags()).toHaveLength(6);
    expect((await targets()).filter((line) => line.endsWith('healthy'))).toEqual(healthyOn(20_001));
    expect((await fleet.run('settle', [web])).result).toBe('done');
    expect(fleet.runningTags()).toEqual(onEach('v2 unless-stopped'));
    expect((await fleet.run('settle', [web])).result).toBe('unchanged');
  });

  it('is settled by the next deploy, and a rollback before that works', async () => {
    await fleet.run('deploy', [at(web, 'v2')], { settle: false });
    expect((await fleet.rollback(web)).result).toBe('done');
    expect(fleet.runningTags()).toEqual(onEach('v1 unless-stopped'));
    expect(await targets()).toEqual(healthyOn(20_000));
    await fleet.run('deploy', [at(web, 'v2')], { settle: false });
    expect((await fleet.deploy(at(web, 'v3'))).result).toBe('done');
    expect(fleet.runningTags()).toEqual(onEach('v3 unless-stopped'));
  });

  it('is undone if a target stays unhealthy, and the old targets stay registered', async () => {
    fleet.cloud.answer({ id: 'i-2', port: 20_001 }, 'unhealthy');
    const { result, failures } = await fleet.deploy(at(web, 'v2'));
    expect([result, failures[0]?.code, failures[0]?.host]).toEqual(['reverted', 'target.late', 'host-2']);
    const left = fleet.cloud.faults.calls.filter(({ call }) => call === 'deregister');
    expect(JSON.stringify(left)).not.toContain('20000');
    expect(await targets()).toEqual(healthyOn(20_000));
    expect(fleet.runningTags()).toEqual(onEach('v1 unless-stopped'));
  });

  it('completes on the second try, whenever the first was killed', async () => {
    for (let events = 1; events < 60; events += 4) {
      const tag = events % 8 === 1 ? 'v2' : 'v1';
      await fleet.run('deploy', [at(web, tag)], {}, events).catch(() => undefined);
      expect((await targets()).filter((line) => line.endsWith('healthy')).length).toBeGreaterThanOrEqual(3);
      expect(['done', 'unchanged']).toContain((await fleet.deploy(at(web, tag))).result);
      expect(fleet.runningTags()).toEqual(onEach(`${tag} unless-stopped`));
      const now = await targets();
      expect([now.length, now.every((line) => line.endsWith('healthy'))]).toEqual([3, true]);
    }
  });

  it('never stops a container that is still registered', async () => {
    await fleet.run('deploy', [at(web, 'v2')], { settle: false });
    await fleet.cloud.register(group, [{ id: 'i-2', port: 20_000 }]);
    const { result, failures } = await fleet.run('settle', [web]);
    expect([result, failures.map(({ code, host }) => `${code} ${host}`)]).toEqual([
      'stopped',
      ['target.used host-2'],
    ]);
    expect(fleet.runningTags().filter((line) => line.startsWith('host-2'))).toHaveLength(2);
  });

  it('skips the confirmation if all instances are quarantined', async () => {
    await fleet.run('lb-deactivate', [web], { force: true });
    expect((await fleet.deploy(at(web, 'v2'))).result).toBe('done');
    expect([await targets(), fleet.runningTags()]).toEqual([[], onEach('v2 unless-stopped')]);
  });

  it('does not register a quarantined instance', async () => {
    await fleet.run('lb-deactivate', [{ ...web, instances: web.instances.slice(1, 2) }]);
    expect((await fleet.deploy(at(web, 'v2'))).result).toBe('done');
    expect(await targets()).toEqual(['i-1:20001 healthy', 'i-3:20001 healthy']);
    expect(fleet.runningTags()).toEqual(onEach('v2 unless-stopped'));
  });

  describe('during which somebody deactivates an instance', () => {
    const deactivate = async () => {
      await fleet.cloud.tag(['i-2'], { [quarantineTag({ name: 'shop-web' })]: 'bob' });
      const own = (await fleet.cloud.targets(group)).filter(({ id }) => id === 'i-2');
      await fleet.cloud.deregister(group, own);
    };
    const othersServe = ['i-1:20001 healthy', 'i-3:20001 healthy'];

    it.each([
      ['before the registration', 'register', 1],
      ['right after the registration', 'instances', 3],
      ['while it waits for the load balancer', 'targets', 3],
    ] as const)('does not register it: %s', async (_, call, nth) => {
      let calls = 0;
      fleet.cloud.faults.before(
        call,
        async () => {
          if (++calls === nth) await deactivate();
        },
        nth,
      );
      expect((await fleet.deploy(at(web, 'v2'))).result).toBe('done');
      expect(calls).toBe(nth);
      await fleet.clock.advance(300_000);
      expect(await targets()).toEqual(othersServe);
      expect(fleet.warnings.join()).toMatch(/i-2:20001 stays out of shop-web: .* deactivated during the run/);
      expect(fleet.runningTags()).toEqual(onEach('v2 unless-stopped'));
    });
  });

  it('is refused if the load balancer checks a fixed port, which the old container answers', async () => {
    const healthCheck = { ...defaultSettings.healthCheck, port: '8081' };
    fleet.cloud.addGroup('fixed', { settings: { ...defaultSettings, healthCheck } });
    const fixed = { ...at(web, 'v2'), targetGroup: 'fixed' };
    const before = fleet.state();
    const result = await fleet.recipe('deploy', [fixed]);
    expect(result).toMatchObject({ kind: 'blocked', problems: [{ code: 'target-group.health-port' }] });
    expect(JSON.stringify(result)).toContain('leaves the load balancer for at least 40 s');
    expect(fleet.state()).toEqual(before);
    const drained = { ...fixed, swap: 'drain' as const, port: { host: 8080, container: 80 } };
    expect((await fleet.dryRun('deploy', [drained])).problems).toEqual([]);
  });

  it('is refused if its port range has no free port', async () => {
    const narrow = { ...web, port: { host: 80, container: 80, range: { from: 20_000, to: 20_000 } } };
    const { problems } = await fleet.dryRun('deploy', [at(narrow, 'v2')]);
    expect(problems).toEqual(['port.none', 'port.none', 'port.none']);
  });
});

describe('a rollback beside', () => {
  it('registers the kept containers again, at their own ports', async () => {
    await fleet.deploy(at(web, 'v2'));
    expect((await fleet.rollback(web)).result).toBe('done');
    expect([fleet.runningTags(), await targets()]).toEqual([onEach('v1 unless-stopped'), healthyOn(20_000)]);
    expect(fleet.hosts.every(({ engine }) => engine.all().length <= 3)).toBe(true);
  });
});

describe('a service that switches from plain to beside', () => {
  it('deploys without a gap, and rolls back to the port of its old release', async () => {
    fleet.push('api', 'v1');
    fleet.push('api', 'v2');
    const arn = fleet.cloud.addGroup('shop-api');
    fleet.serveBalancer(arn, 'shop-api-lb.elb.example.com');
    const plain = serviceOn('api', 8300, { targetGroup: 'shop-api' });
    await fleet.deploy(plain);
    await fleet.run('lb-activate', [plain]);
    const beside: Service = {
      ...at(plain, 'v2'),
      swap: 'beside',
      port: { host: 80, container: 80, range: { from: 20_000, to: 20_040 } },
    };
    expect((await fleet.deploy(beside)).result).toBe('done');
    const ports = async () => (await fleet.cloud.targets(arn)).map(({ port, state }) => `${port} ${state}`);
    expect(await ports()).toEqual(['20001 healthy', '20001 healthy', '20001 healthy']);
    expect((await fleet.rollback(beside)).result).toBe('done');
    expect(await ports()).toEqual(['8300 healthy', '8300 healthy', '8300 healthy']);
  });
});

describe('a drain', () => {
  it('deregisters, replaces and registers one instance at a time', async () => {
    const plain: Service = { ...serviceOn('api', 8080, { targetGroup: 'shop-api', swap: 'drain' }) };
    for (const tag of ['v1', 'v2']) fleet.push('api', tag);
    const arn = fleet.cloud.addGroup('shop-api');
    expect((await fleet.deploy(plain)).result).toBe('done');
    const counts: number[] = [];
    for (const { engine } of fleet.hosts)
      engine.faults.before('stop', async () => {
        const healthy = (await fleet.cloud.targets(arn)).filter(({ state }) => state === 'healthy');
        counts.push(healthy.length);
      });
    expect((await fleet.deploy(at(plain, 'v2'))).result).toBe('done');
    expect(counts).toEqual([2, 2, 2]);
    expect((await fleet.cloud.targets(arn)).map(({ state }) => state)).toEqual([
      'healthy',
      'healthy',
      'healthy',
    ]);
  });
});

describe('a deploy behind a load balancer', () => {
  it('forecasts its duration and the slowest setting', async () => {
    await fleet.cloud.tune(group, { deregistrationDelay: 300_000 });
    const { forecast } = await fleet.preview('deploy', [at(web, 'v2')]);
    const { interval, healthyThreshold } = defaultSettings.healthCheck;
    expect(forecast).toEqual({
      live: interval * (healthyThreshold + 1),
      after: 315_000,
      most: {
        ms: 300_000,
        cause: 'the deregistration delay of shop-web, 300 s',
        better: 'reduce to 30 s: oneclick lb tune web',
      },
    });
  });

  it('forecasts the sum of the waits of its batches', async () => {
    const drained: Service = { ...web, port: { host: 80, container: 80 }, swap: 'drain' };
    const { forecast } = await fleet.preview('deploy', [at(drained, 'v2')]);
    const { deregistrationDelay, healthCheck } = defaultSettings;
    const each = deregistrationDelay + healthCheck.interval * (healthCheck.healthyThreshold + 1);
    expect(forecast?.live).toBe(3 * each);
  });

  it('warns of zones without the load balancer and of closed ports', async () => {
    fleet.cloud.launch('i-1', { zone: 'us-east-1c', securityGroups: ['sg-open'] });
    fleet.cloud.launch('i-2', { securityGroups: ['sg-web'] });
    fleet.cloud.launch('i-3', { securityGroups: ['sg-open'] });
    fleet.cloud.rules.push({ group: 'sg-open', protocol: 'tcp', from: 0, to: 65_535, source: 'sg-balancer' });
    const { cautions } = await fleet.preview('deploy', [at(web, 'v2')]);
    expect(cautions).toEqual([
      'host-1 is in us-east-1c, but the load balancer of web only covers us-east-1a, us-east-1b',
      'host-2: sg-web does not allow the load balancer of web on ports 20000-20040',
    ]);
  });

  it('warns once if the keep-alive of the application is too short', async () => {
    fleet.push('web', 'hasty', { keepAlive: 5000 });
    fleet.push('web', 'patient', { keepAlive: 75_000 });
    expect((await fleet.deploy(at(web, 'hasty'))).result).toBe('done');
    expect(fleet.warnings).toEqual([expect.stringContaining('after 5 s, its load balancer after 60 s')]);
    expect((await fleet.deploy(at(web, 'patient'))).result).toBe('done');
    expect(fleet.warnings).toEqual([]);
  });
});
