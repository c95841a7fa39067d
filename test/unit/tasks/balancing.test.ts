import { beforeEach, describe, expect, it } from '@jest/globals';
import { quarantineTag } from '../../../src/domain/balancing.js';
import { Failure } from '../../../src/domain/failure.js';
import type { Service } from '../../../src/domain/service.js';
import { defaultSettings } from '../../fakes/cloud.js';
import { Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080, { targetGroup: 'shop-web' });
const onlyOn = (...hosts: readonly string[]): Service => ({
  ...web,
  instances: web.instances.filter(({ host }) => hosts.includes(host)),
});
const tag = quarantineTag({ name: 'shop-web' });
const target = (id: string) => ({ id, port: 8080 });

let fleet: Fleet;
let group: string;

beforeEach(async () => {
  fleet = new Fleet();
  fleet.push('web', 'v1');
  for (const { id } of web.instances) fleet.cloud.launch(id);
  group = fleet.cloud.addGroup('shop-web');
});

async function states(): Promise<readonly string[]> {
  return (await fleet.cloud.targets(group)).map(({ id, port, state }) => `${id}:${port} ${state}`).sort();
}

async function marked(): Promise<readonly string[]> {
  const found = await fleet.cloud.instances(web.instances.map(({ id }) => id));
  return found.filter(({ tags }) => Object.hasOwn(tags, tag)).map(({ id }) => id);
}

async function allIn(): Promise<void> {
  await fleet.cloud.register(
    group,
    web.instances.map(({ id }) => target(id)),
  );
  await fleet.clock.advance(60_000);
}

describe('an activation', () => {
  it('ends when the load balancer has called every instance healthy, and for an interval', async () => {
    const before = fleet.clock.monotonic();
    expect((await fleet.run('lb-activate', [web])).result).toBe('done');
    expect(await states()).toEqual(['i-1:8080 healthy', 'i-2:8080 healthy', 'i-3:8080 healthy']);
    expect(fleet.clock.monotonic() - before).toBeGreaterThanOrEqual(15_000);
    expect((await fleet.run('lb-activate', [web])).result).toBe('unchanged');
  });

  it('brings the good ones in though one is sick', async () => {
    fleet.cloud.answer(target('i-2'), 'unhealthy');
    const { result, failures } = await fleet.run('lb-activate', [web]);
    expect([result, failures.map(({ host }) => host)]).toEqual(['stopped', ['host-2']]);
    expect(await states()).toEqual(['i-1:8080 healthy', 'i-2:8080 unhealthy', 'i-3:8080 healthy']);
    expect(failures[0]?.message).toContain('shop-web to call i-2:8080 healthy');
  });

  it.each([
    ['does not exist', 'instance.none', 'i-unknown'],
    ['is stopped', 'instance.state', 'i-2'],
  ])('of an instance that %s is refused before anything is changed', async (_, code, id) => {
    fleet.cloud.setState('i-2', 'stopped');
    const service = { ...web, instances: [...onlyOn('host-1').instances, { id, host: 'host-2' }] };
    expect((await fleet.dryRun('lb-activate', [service])).problems).toEqual([code]);
    await expect(fleet.run('lb-activate', [service])).rejects.toBeInstanceOf(Failure);
    expect(await states()).toEqual([]);
  });

  it('is refused where no load balancer sends anything to the group', async () => {
    fleet.cloud.addGroup('lonely', { balancers: [] });
    const { problems } = await fleet.dryRun('lb-activate', [{ ...web, targetGroup: 'lonely' }]);
    expect(problems).toEqual(['target-group.unused']);
  });
});

describe('a deactivation', () => {
  it('ends when the instance has drained, and keeps it out until it is activated', async () => {
    await allIn();
    const before = fleet.clock.monotonic();
    expect((await fleet.run('lb-deactivate', [onlyOn('host-2')])).result).toBe('done');
    expect(fleet.clock.monotonic() - before).toBeGreaterThanOrEqual(defaultSettings.deregistrationDelay);
    expect(await states()).toEqual(['i-1:8080 healthy', 'i-3:8080 healthy']);
    expect(await marked()).toEqual(['i-2']);

    expect((await fleet.run('lb-activate', [onlyOn('host-2')])).result).toBe('done');
    expect([await marked(), await states()]).toEqual([
      [],
      ['i-1:8080 healthy', 'i-2:8080 healthy', 'i-3:8080 healthy'],
    ]);
  });

  it('of the last healthy ones is refused, unless it is forced', async () => {
    await allIn();
    expect((await fleet.dryRun('lb-deactivate', [web])).problems).toContain('target.last');
    expect((await fleet.run('lb-deactivate', [web], { force: true })).result).toBe('done');
    expect(await states()).toEqual([]);
  });

  it('is given up when the others fall ill between the look and the call', async () => {
    await allIn();
    fleet.cloud.faults.before('tag', () => {
      for (const id of ['i-1', 'i-3']) fleet.cloud.setState(id, 'stopped');
      return undefined;
    });
    const { result, failures } = await fleet.run('lb-deactivate', [onlyOn('host-2')]);
    expect([result, failures.map(({ code }) => code)]).toEqual(['stopped', ['target.last']]);
    expect(await states()).toContain('i-2:8080 healthy');
  });

  it('that was interrupted at any moment never puts the instance back', async () => {
    await allIn();
    for (let events = 1; events < 12; events++) {
      await fleet.run('lb-deactivate', [onlyOn('host-2')], {}, events).catch(() => undefined);
      await fleet.run('lb-deactivate', [onlyOn('host-2')]);
      expect([await states(), await marked()]).toEqual([['i-1:8080 healthy', 'i-3:8080 healthy'], ['i-2']]);
      await fleet.run('lb-activate', [onlyOn('host-2')]);
    }
  });

  it('of what is out already only marks it', async () => {
    await fleet.cloud.register(group, [target('i-1')]);
    await fleet.clock.advance(60_000);
    expect((await fleet.run('lb-deactivate', [onlyOn('host-3')])).result).toBe('done');
    expect([await states(), await marked()]).toEqual([['i-1:8080 healthy'], ['i-3']]);
  });
});

describe('tuning', () => {
  it('sets what is slow, says from what to what, and leaves alone what is fast', async () => {
    const slow = fleet.cloud.addGroup('slow', {
      settings: {
        ...defaultSettings,
        healthCheck: { ...defaultSettings.healthCheck, interval: 30_000, healthyThreshold: 5 },
        deregistrationDelay: 300_000,
      },
    });
    const service = { ...web, targetGroup: 'slow' };
    expect((await fleet.dryRun('lb-tune', [service])).changes).toEqual([
      'undefined: slow: interval of the health check: 30 s -> 5 s',
      'undefined: slow: checks until healthy: 5 -> 2',
      'undefined: slow: deregistration delay: 300 s -> 30 s',
    ]);
    expect((await fleet.run('lb-tune', [service])).result).toBe('done');
    const [{ settings } = { settings: undefined }] = await fleet.cloud.targetGroups([slow]);
    expect(settings).toEqual(defaultSettings);
    expect((await fleet.run('lb-tune', [service])).result).toBe('unchanged');
  });
});

describe('the same by hand', () => {
  it('are commands of the AWS CLI', async () => {
    await allIn();
    const lines = (await fleet.explain('lb-deactivate', [onlyOn('host-2')])).map(({ line }) => line);
    expect(lines).toEqual([
      expect.stringMatching(/^aws ec2 create-tags --resources i-2 --tags 'Key=oneclick:quarantine:shop-web,/),
      `aws elbv2 deregister-targets --target-group-arn ${group} --targets Id=i-2,Port=8080`,
      `aws elbv2 wait target-deregistered --target-group-arn ${group} --targets Id=i-2,Port=8080`,
    ]);
  });
});
