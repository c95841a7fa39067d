import { describe, expect, it } from '@jest/globals';
import { targetReason } from '../../../src/cloud/aws/target-reasons.js';
import { cloudContract } from '../../contract/cloud.contract.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeCloud, fakeBalancer, withContractFixtures } from '../../fakes/cloud.js';

const target = { id: 'i-1', port: 20_000 };

function setting() {
  const clock = new MovableClock();
  const cloud = new FakeCloud(clock);
  cloud.launch('i-1', { name: 'web-1' });
  const group = cloud.addGroup('web');
  const health = async () => (await cloud.targets(group))[0];
  return { clock, cloud, group, health };
}

describe('the fake cloud', () => {
  it('reports a target healthy after the threshold, and drains it for the delay', async () => {
    const { clock, cloud, group, health } = setting();
    await cloud.register(group, [target]);
    await clock.advance(9_999);
    expect(await health()).toMatchObject({ state: 'initial' });
    await clock.advance(1);
    expect(await health()).toMatchObject({ state: 'healthy' });
    await cloud.deregister(group, [target]);
    await clock.advance(29_999);
    expect(await health()).toMatchObject({ state: 'draining' });
    await clock.advance(1);
    expect(await health()).toBeUndefined();
  });

  it('reports a target unhealthy and healthy again after the thresholds', async () => {
    const { clock, cloud, group, health } = setting();
    await cloud.register(group, [target]);
    await clock.advance(10_000);
    cloud.answer(target, 'unhealthy');
    await clock.advance(9_999);
    expect(await health()).toMatchObject({ state: 'healthy' });
    await clock.advance(1);
    expect(await health()).toMatchObject({
      state: 'unhealthy',
      reason: targetReason('Target.FailedHealthChecks', '[503]'),
    });
    cloud.answer(target, 'healthy');
    await clock.advance(10_000);
    expect(await health()).toMatchObject({ state: 'healthy' });
  });

  it('does not check a stopped instance, and forgets a terminated one', async () => {
    const { cloud, group, health } = setting();
    await cloud.register(group, [target]);
    cloud.setState('i-1', 'stopped', 'User initiated');
    expect(await health()).toMatchObject({ state: 'unused', reason: targetReason('Target.InvalidState') });
    cloud.setState('i-1', 'terminated');
    expect(await health()).toBeUndefined();
  });

  it('does not use a target in a zone without a load balancer', async () => {
    const { cloud, group, health } = setting();
    const balancers = [fakeBalancer('web', { zones: ['us-east-1b'] })];
    cloud.addGroup('web', { balancers });
    await cloud.register(group, [target]);
    expect(await health()).toMatchObject({ state: 'unused', reason: targetReason('Target.NotInUse') });
  });

  it('does not find terminated instances by name', async () => {
    const { cloud } = setting();
    cloud.setState('i-1', 'shutting-down');
    expect(await cloud.instancesNamed(['web-1'])).toEqual([]);
    expect(await cloud.instances(['i-1'])).toHaveLength(1);
  });
});

cloudContract('the fake cloud', async () => {
  const clock = new MovableClock();
  const cloud = new FakeCloud(clock);
  return {
    ...{ cloud, ...withContractFixtures(cloud) },
    pass: (ms) => clock.advance(ms),
    close: async () => undefined,
  };
});
