import {
  DeregisterTargetsCommand,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
  type TargetDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { enableFault } from '../../../../../src/sandbox/aws/faults/enabled-faults.js';
import { setup } from './setup.js';

/** A group behind a listener: checks every 10 s, thresholds of 2, a deregistration delay of 30 s. */
async function balancedGroup() {
  const all = await setup();
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
  test('is unused until a listener forwards to its group, then checked', async () => {
    const { api, group, balancer, listener, health, clock } = await setup();
    const arn = await group();
    const Targets = [{ Id: 'i-1' }];
    await api.send(new RegisterTargetsCommand({ TargetGroupArn: arn, Targets }));
    await clock.advance(3_600_000);
    expect(await health(arn)).toEqual(['i-1:80 unused Target.NotInUse']);
    await listener(await balancer(), arn);
    expect(await health(arn)).toEqual(['i-1:80 initial Elb.RegistrationInProgress']);
  });

  test('is initial until enough checks have passed, and unhealthy once enough have failed', async () => {
    const { register, health, arn, proxies, clock } = await balancedGroup();
    await register({ Id: 'i-1' });
    const find = (up: boolean, last: 'passed' | 'code' | 'timeout' | 'failed', status?: number) =>
      proxies.results.set('web/10.213.7.11:80', { up, last, ...(status === undefined ? {} : { status }) });
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

  test('drains for the whole delay and is then removed, unless registered again', async () => {
    const { register, deregister, health, arn, servers, clock, reconcile } = await balancedGroup();
    void reconcile();
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

  test('with leak drains immediately in the API, but later at the proxy', async () => {
    const { register, deregister, health, arn, servers, clock, reconcile, region } = await balancedGroup();
    void reconcile();
    await register({ Id: 'i-1' }, { Id: 'i-2' });
    await enableFault(region, { name: 'leak', times: 1 }, []);
    await deregister({ Id: 'i-1' });
    await deregister({ Id: 'i-2' });
    const draining = 'draining Target.DeregistrationInProgress';
    expect(await health(arn)).toEqual([`i-1:80 ${draining}`, `i-2:80 ${draining}`]);
    expect(servers()?.map((server) => server.draining)).toEqual([false, true]);
    for (let second = 0; second < 3; second++) await clock.advance(1_000);
    expect(servers()?.map((server) => server.draining)).toEqual([true, true]);
    expect(await health(arn)).toEqual([`i-1:80 ${draining}`, `i-2:80 ${draining}`]);
  });

  test('is a port of an instance; without a port, registers the default one and deregisters all', async () => {
    const { register, deregister, health, arn } = await balancedGroup();
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

  test('must be a running instance', async () => {
    const { register, health, arn, instances } = await balancedGroup();
    instances.set('i-3', { address: '10.213.7.13', running: false });
    for (const Id of ['i-3', 'i-404']) {
      await expect(register({ Id: 'i-1' }, { Id })).rejects.toMatchObject({ name: 'InvalidTargetException' });
    }
    expect(await health(arn)).toEqual([]);
    await register({ Id: 'i-1' });
    instances.set('i-1', { address: '10.213.7.11', running: false });
    expect(await health(arn)).toEqual(['i-1:80 unused Target.InvalidState']);
  });

  test('can be deregistered even if it is not registered', async () => {
    const { deregister, health, arn } = await balancedGroup();
    await deregister({ Id: 'i-1', Port: 1 });
    expect(await health(arn)).toEqual([]);
  });

  test('shares a change of the proxy with other targets', async () => {
    const { register, proxies } = await balancedGroup();
    const before = proxies.changes;
    await Promise.all([register({ Id: 'i-1' }), register({ Id: 'i-1', Port: 81 }), register({ Id: 'i-2' })]);
    expect(proxies.changes - before).toBeLessThan(3);
  });
});
