import {
  DeregisterTargetsCommand,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
  type TargetDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { switchOn } from '../../../../../src/sandbox/aws/faults/switches.js';
import { setting } from './setting.js';

/** A group behind a listener, checked every 10 s with thresholds of 2, and a deregistration delay of 30 s. */
async function behind() {
  const all = await setting();
  const { api, group, balancer, listener, proxies } = all;
  const arn = await group('web', { HealthCheckIntervalSeconds: 10, HealthyThresholdCount: 2 });
  const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '30' }];
  await api.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn: arn, Attributes }));
  await listener(await balancer(), arn);
  const register = (...Targets: TargetDescription[]) =>
    api.send(new RegisterTargetsCommand({ TargetGroupArn: arn, Targets }));
  const deregister = (...Targets: TargetDescription[]) =>
    api.send(new DeregisterTargetsCommand({ TargetGroupArn: arn, Targets }));
  const servers = () => [...proxies.applied.values()][0]?.pools[0]?.servers;
  return { ...all, arn, register, deregister, servers };
}

describe('a target', () => {
  test('is unused until a listener forwards to its group, and is checked from then on', async () => {
    const { api, group, balancer, listener, health, clock } = await setting();
    const arn = await group();
    const Targets = [{ Id: 'i-1' }];
    await api.send(new RegisterTargetsCommand({ TargetGroupArn: arn, Targets }));
    await clock.advance(3_600_000);
    expect(await health(arn)).toEqual(['i-1:80 unused Target.NotInUse']);
    await listener(await balancer(), arn);
    expect(await health(arn)).toEqual(['i-1:80 initial Elb.RegistrationInProgress']);
  });

  test('is initial until enough checks have passed, and unhealthy once enough have failed', async () => {
    const { register, health, arn, proxies, clock } = await behind();
    await register({ Id: 'i-1' });
    const find = (up: boolean, last: 'passed' | 'code' | 'timeout' | 'failed', status?: number) =>
      proxies.found.set('web/10.213.7.11:80', { up, last, ...(status === undefined ? {} : { status }) });
    expect(await health(arn)).toEqual(['i-1:80 initial Elb.RegistrationInProgress']);
    find(false, 'code', 500);
    await clock.advance(10_000);
    expect(await health(arn)).toEqual(['i-1:80 initial Elb.InitialHealthChecking']);
    await clock.advance(11_000);
    expect(await health(arn)).toEqual(['i-1:80 unhealthy Target.ResponseCodeMismatch']);
    find(false, 'timeout');
    expect(await health(arn)).toEqual(['i-1:80 unhealthy Target.Timeout']);
    find(false, 'failed');
    expect(await health(arn)).toEqual(['i-1:80 unhealthy Target.FailedHealthChecks']);
    find(true, 'passed', 200);
    expect(await health(arn)).toEqual(['i-1:80 healthy']);
  });

  test('drains for the whole delay and is gone then, unless it comes back', async () => {
    const { register, deregister, health, arn, servers, clock, tend } = await behind();
    void tend();
    await register({ Id: 'i-1' }, { Id: 'i-2' });
    await deregister({ Id: 'i-1' }, { Id: 'i-2' });
    await clock.advance(20_000);
    const draining = 'draining Target.DeregistrationInProgress';
    expect(await health(arn)).toEqual([`i-1:80 ${draining}`, `i-2:80 ${draining}`]);
    expect(servers()?.map((server) => server.draining)).toEqual([true, true]);
    await register({ Id: 'i-2' });
    expect(servers()?.map((server) => server.draining)).toEqual([true, false]);
    for (let second = 0; second < 11; second++) await clock.advance(1_000);
    expect(await health(arn, { Id: 'i-1' })).toEqual(['i-1:80 unused Target.NotRegistered']);
    expect(servers()?.map(({ name }) => name)).toEqual(['10.213.7.12:80']);
  });

  test('that leaks drains at once for the API, but for its proxy a moment later', async () => {
    const { register, deregister, health, arn, servers, clock, tend, region } = await behind();
    void tend();
    await register({ Id: 'i-1' }, { Id: 'i-2' });
    await switchOn(region, { name: 'leak', times: 1 }, []);
    await deregister({ Id: 'i-1' });
    await deregister({ Id: 'i-2' });
    const draining = 'draining Target.DeregistrationInProgress';
    expect(await health(arn)).toEqual([`i-1:80 ${draining}`, `i-2:80 ${draining}`]);
    expect(servers()?.map((server) => server.draining)).toEqual([false, true]);
    for (let second = 0; second < 3; second++) await clock.advance(1_000);
    expect(servers()?.map((server) => server.draining)).toEqual([true, true]);
    expect(await health(arn)).toEqual([`i-1:80 ${draining}`, `i-2:80 ${draining}`]);
  });

  test('is a port of an instance; without a port, the group’s own is registered and all are deregistered', async () => {
    const { register, deregister, health, arn } = await behind();
    await register({ Id: 'i-1' }, { Id: 'i-1', Port: 20000 }, { Id: 'i-1', Port: 20001 }, { Id: 'i-2' });
    const initial = 'initial Elb.RegistrationInProgress';
    expect(await health(arn, { Id: 'i-1' })).toEqual([
      `i-1:80 ${initial}`,
      `i-1:20000 ${initial}`,
      `i-1:20001 ${initial}`,
    ]);
    await deregister({ Id: 'i-1', Port: 20000 });
    expect((await health(arn)).filter((line) => line.includes('draining'))).toEqual([
      'i-1:20000 draining Target.DeregistrationInProgress',
    ]);
    await deregister({ Id: 'i-1' });
    expect((await health(arn)).filter((line) => !line.includes('draining'))).toEqual([`i-2:80 ${initial}`]);
  });

  test('must be an instance that runs', async () => {
    const { register, health, arn, instances } = await behind();
    instances.set('i-3', { address: '10.213.7.13', running: false });
    for (const Id of ['i-3', 'i-404']) {
      await expect(register({ Id: 'i-1' }, { Id })).rejects.toMatchObject({ name: 'InvalidTargetException' });
    }
    expect(await health(arn)).toEqual([]);
    await register({ Id: 'i-1' });
    instances.set('i-1', { address: '10.213.7.11', running: false });
    expect(await health(arn)).toEqual(['i-1:80 unused Target.InvalidState']);
  });

  test('is deregistered without harm when it is not registered', async () => {
    const { deregister, health, arn } = await behind();
    await deregister({ Id: 'i-1', Port: 1 });
    expect(await health(arn)).toEqual([]);
  });

  test('comes with others in one change of the proxy', async () => {
    const { register, proxies } = await behind();
    const before = proxies.told;
    await Promise.all([register({ Id: 'i-1' }), register({ Id: 'i-1', Port: 81 }), register({ Id: 'i-2' })]);
    expect(proxies.told - before).toBeLessThan(3);
  });
});
