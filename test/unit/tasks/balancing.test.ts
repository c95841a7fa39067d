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

async function quarantined(): Promise<readonly string[]> {
  const found = await fleet.cloud.instances(web.instances.map(({ id }) => id));
  return found.filter(({ tags }) => Object.hasOwn(tags, tag)).map(({ id }) => id);
}

async function registerAll(): Promise<void> {
  await fleet.cloud.register(
    group,
    web.instances.map(({ id }) => target(id)),
  );
  await fleet.clock.advance(60_000);
}

describe('an activation', () => {
  it('ends once the load balancer has reported every instance healthy for an interval', async () => {
    const before = fleet.clock.monotonic();
    expect((await fleet.run('lb-activate', [web])).result).toBe('done');
    expect(await states()).toEqual(['i-1:8080 healthy', 'i-2:8080 healthy', 'i-3:8080 healthy']);
    // Healthy after 10 s, and again an interval later: not at the next poll.
    expect(fleet.clock.monotonic() - before).toBeGreaterThanOrEqual(15_000);
    expect(fleet.clock.monotonic() - before).toBeLessThan(15_500);
    expect((await fleet.run('lb-activate', [web])).result).toBe('unchanged');
  });

  it('registers healthy instances even if another is unhealthy', async () => {
    fleet.cloud.answer(target('i-2'), 'unhealthy');
    const { result, failures } = await fleet.run('lb-activate', [web]);
    expect([result, failures.map(({ host }) => host)]).toEqual(['stopped', ['host-2']]);
    expect(await states()).toEqual(['i-1:8080 healthy', 'i-2:8080 unhealthy', 'i-3:8080 healthy']);
    expect(failures[0]?.message).toContain('target i-2:8080 in shop-web');
  });

  it.each([
    ['does not exist', 'instance.none', 'i-unknown'],
    ['is stopped', 'instance.state', 'i-2'],
  ])('of an instance that %s is refused before any change', async (_, code, id) => {
    fleet.cloud.setState('i-2', 'stopped');
    const service = { ...web, instances: [...onlyOn('host-1').instances, { id, host: 'host-2' }] };
    expect((await fleet.dryRun('lb-activate', [service])).problems).toEqual([code]);
    await expect(fleet.run('lb-activate', [service])).rejects.toBeInstanceOf(Failure);
    expect(await states()).toEqual([]);
  });

  it('is refused if no load balancer forwards to the group', async () => {
    fleet.cloud.addGroup('lonely', { balancers: [] });
    const { problems } = await fleet.dryRun('lb-activate', [{ ...web, targetGroup: 'lonely' }]);
    expect(problems).toEqual(['target-group.unused']);
  });
});

describe('an activation whose tag is still listed after its removal', () => {
  it('waits until the tag is gone, then registers the instance', async () => {
    await fleet.run('lb-deactivate', [onlyOn('host-2')]);
    const stale = await fleet.cloud.instances(['i-2']);
    const read = fleet.cloud.instances.bind(fleet.cloud);
    let answers = 0;
    fleet.cloud.instances = async (ids) => (answers++ < 3 && ids.length === 1 ? stale : read(ids));
    expect((await fleet.run('lb-activate', [onlyOn('host-2')])).result).toBe('done');
    expect(await states()).toEqual(['i-2:8080 healthy']);
  });
});

describe('a deactivation', () => {
  it('waits until the instance has drained, and keeps it out until it is activated', async () => {
    await registerAll();
    const before = fleet.clock.monotonic();
    expect((await fleet.run('lb-deactivate', [onlyOn('host-2')])).result).toBe('done');
    expect(fleet.clock.monotonic() - before).toBeGreaterThanOrEqual(defaultSettings.deregistrationDelay);
    expect(await states()).toEqual(['i-1:8080 healthy', 'i-3:8080 healthy']);
    expect(await quarantined()).toEqual(['i-2']);

    expect((await fleet.run('lb-activate', [onlyOn('host-2')])).result).toBe('done');
    expect([await quarantined(), await states()]).toEqual([
      [],
      ['i-1:8080 healthy', 'i-2:8080 healthy', 'i-3:8080 healthy'],
    ]);
  });

  it('of the last healthy instances is refused unless forced', async () => {
    await registerAll();
    expect((await fleet.dryRun('lb-deactivate', [web])).problems).toContain('target.last');
    expect((await fleet.run('lb-deactivate', [web], { force: true })).result).toBe('done');
    expect(await states()).toEqual([]);
  });

  it('stops if the other instances become unhealthy after the check', async () => {
    await registerAll();
    fleet.cloud.faults.before('tag', () => {
      for (const id of ['i-1', 'i-3']) fleet.cloud.setState(id, 'stopped');
      return undefined;
    });
    const { result, failures } = await fleet.run('lb-deactivate', [onlyOn('host-2')]);
    expect([result, failures.map(({ code }) => code)]).toEqual(['stopped', ['target.last']]);
    expect(await states()).toContain('i-2:8080 healthy');
  });

  it('never registers the instance again, whenever it was interrupted', async () => {
    await registerAll();
    for (let events = 1; events < 12; events++) {
      await fleet.run('lb-deactivate', [onlyOn('host-2')], {}, events).catch(() => undefined);
      await fleet.run('lb-deactivate', [onlyOn('host-2')]);
      expect([await states(), await quarantined()]).toEqual([
        ['i-1:8080 healthy', 'i-3:8080 healthy'],
        ['i-2'],
      ]);
      await fleet.run('lb-activate', [onlyOn('host-2')]);
    }
  });

  it('of an unregistered instance only tags it', async () => {
    await fleet.cloud.register(group, [target('i-1')]);
    await fleet.clock.advance(60_000);
    expect((await fleet.run('lb-deactivate', [onlyOn('host-3')])).result).toBe('done');
    expect([await states(), await quarantined()]).toEqual([['i-1:8080 healthy'], ['i-3']]);
  });
});

describe('tuning', () => {
  it('changes slow settings, lists old and new values, and keeps fast ones', async () => {
    const slow = fleet.cloud.addGroup('slow', {
      settings: {
        ...defaultSettings,
        healthCheck: { ...defaultSettings.healthCheck, interval: 30_000, healthyThreshold: 5 },
        deregistrationDelay: 300_000,
      },
    });
    const service = { ...web, targetGroup: 'slow' };
    expect((await fleet.dryRun('lb-tune', [service])).changes).toEqual([
      'undefined: slow: health check interval: 30 s -> 5 s',
      'undefined: slow: healthy threshold: 5 -> 2',
      'undefined: slow: deregistration delay: 300 s -> 30 s',
    ]);
    expect((await fleet.run('lb-tune', [service])).result).toBe('done');
    const [{ settings } = { settings: undefined }] = await fleet.cloud.targetGroups([slow]);
    expect(settings).toEqual(defaultSettings);
    expect((await fleet.run('lb-tune', [service])).result).toBe('unchanged');
  });
});

describe('the explanation of a load balancer recipe', () => {
  it('lists commands of the AWS CLI', async () => {
    await registerAll();
    const lines = (await fleet.explain('lb-deactivate', [onlyOn('host-2')])).map(({ line }) => line);
    expect(lines).toEqual([
      expect.stringMatching(/^aws ec2 create-tags --resources i-2 --tags 'Key=oneclick:quarantine:shop-web,/),
      `aws elbv2 deregister-targets --target-group-arn ${group} --targets Id=i-2,Port=8080`,
      `aws elbv2 wait target-deregistered --target-group-arn ${group} --targets Id=i-2,Port=8080`,
    ]);
  });
});
