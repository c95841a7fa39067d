import { describe, expect, it } from '@jest/globals';
import type { CloudInstance, TargetHealth } from '../../../src/cloud/cloud.js';
import { hopelessBalancer, hopelessInstance, hopelessTarget } from '../../../src/cloud/hopeless.js';
import { fakeBalancer } from '../../fakes/cloud.js';

describe('it is hopeless', () => {
  const instance = (state: CloudInstance['state'], reason?: string): CloudInstance => ({
    ...{ id: 'i-1', state, securityGroups: [], tags: {} },
    ...(reason === undefined ? {} : { reason }),
  });

  it('that an instance runs which has ended or is ending, and says why', () => {
    expect(hopelessInstance(instance('terminated'))).toMatchObject({ message: 'the instance i-1 has ended' });
    expect(hopelessInstance(instance('shutting-down', 'Server.InternalError'))).toMatchObject({
      kind: 'failed',
      message: 'the instance i-1 is ending: Server.InternalError',
    });
  });

  it.each(['pending', 'running', 'stopping', 'stopped'] as const)('but not for one that is %s', (state) => {
    expect(hopelessInstance(instance(state))).toBeUndefined();
  });

  it('that a load balancer becomes active which has failed', () => {
    const failed = fakeBalancer('web', { state: 'failed', reason: 'no free address' });
    expect(hopelessBalancer(failed)).toMatchObject({
      kind: 'failed',
      message: 'the load balancer web has failed: no free address',
    });
    expect(hopelessBalancer(fakeBalancer('web', { state: 'provisioning' }))).toBeUndefined();
  });

  const target = (special: Partial<TargetHealth>): TargetHealth => ({
    ...{ id: 'i-1', port: 80, state: 'unused' },
    ...special,
  });

  it.each([
    ['Target.NotInUse', 'no load balancer feeds its target group'],
    ['Target.InvalidState', 'does not run'],
    ['Target.IpUnusable', 'an address that a load balancer uses'],
  ])('that a target becomes healthy which is unused for %s', (reason, words) => {
    expect(hopelessTarget(target({ reason }))).toMatchObject({
      kind: 'failed',
      code: 'cloud.target-unused',
      message: expect.stringContaining(words),
      hint: expect.any(String),
    });
  });

  it.each([
    { reason: 'Target.NotRegistered' },
    { state: 'initial', reason: 'Elb.RegistrationInProgress' },
    { state: 'unhealthy', reason: 'Target.FailedHealthChecks' },
    { state: 'draining', reason: 'Target.DeregistrationInProgress' },
  ] as const)('but not for one that is still to be seen: %j', (special) => {
    expect(hopelessTarget(target(special))).toBeUndefined();
  });
});
