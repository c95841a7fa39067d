import * as EC2 from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { behaviorOf } from '../../../../src/sandbox/aws/faults/behavior.js';
import { endpoint, lookupMarks } from './endpoint.js';
import { errorWithCode, flush } from './setup.js';

describe('the realistic profile', () => {
  test('keeps an instance pending for seconds, and delays the first boot of its machine', async () => {
    const { control, run, instance, clock, engine } = await endpoint();
    await control({ profile: 'realistic', seed: '1' });
    const id = await run();
    await clock.advance(2_900);
    expect(engine.containers.has(`oneclick-test-${id}`)).toBe(false);
    await clock.advance(5_100);
    expect((await instance(id))?.State?.Name).toBe('running');
    const { Env } = engine.containers.get(`oneclick-test-${id}`) ?? {};
    expect(Env).toContainEqual(expect.stringMatching(/^DELAYS=[4-9] [1-4] [3-8]$/));
  });

  test('draws the same delays with the same seed, regardless of other calls', async () => {
    const { control, run, instance, clock, engine } = await endpoint();
    const delays = async (seed: string, lookups: number) => {
      await control({ profile: 'realistic', seed });
      const ids = [await run(), await run()];
      await lookupMarks(lookups, () => instance(ids[0] ?? ''));
      await clock.advance(9_000);
      return ids.map((id) =>
        engine.containers.get(`oneclick-test-${id}`)?.Env.find((one) => one.startsWith('DELAYS')),
      );
    };
    const first = await delays('1', 5);
    expect(await delays('1', 2)).toEqual(first);
    expect(await delays('2', 5)).not.toEqual(first);
  });

  test('does not start an instance that was terminated while pending', async () => {
    const { control, run, ec2, clock, engine } = await endpoint();
    await control({ profile: 'realistic' });
    const id = await run();
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(10_000);
    expect(engine.containers.has(`oneclick-test-${id}`)).toBe(false);
  });

  test('blocks deletion of a group for some seconds after an instance or rule referred to it', async () => {
    const { control, run, group, removeGroup, ec2, clock } = await endpoint();
    await control({ profile: 'realistic' });
    const [used, named, naming, free] = await Promise.all(['had', 'named', 'naming', 'free'].map(group));
    const rule = {
      GroupId: naming ?? '',
      IpPermissions: [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: named ?? '' }] }],
    };
    await ec2.send(new EC2.AuthorizeSecurityGroupIngressCommand(rule));
    const id = await run({ SecurityGroupIds: [used ?? ''] });
    await removeGroup(free ?? '');
    await expect(removeGroup(used ?? '')).rejects.toEqual(errorWithCode('DependencyViolation'));
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
    await ec2.send(new EC2.RevokeSecurityGroupIngressCommand(rule));
    await flush();
    const remove = () => Promise.all([used, named].map((one) => removeGroup(one ?? '')));
    await expect(remove()).rejects.toEqual(errorWithCode('DependencyViolation'));
    await expect(remove()).rejects.toEqual(errorWithCode('DependencyViolation'));
    clock.jump(11_000);
    await remove();
    await removeGroup(naming ?? '');
  });

  test('survives a restart of the endpoint, and can be changed back', async () => {
    const first = await endpoint();
    await first.control({ profile: 'realistic', seed: '7' });
    const next = await endpoint(first.engine);
    expect(behaviorOf(next.region)).toMatchObject({ profile: 'realistic', seed: '7' });
    expect((await next.control({ profile: 'fast' })).body).toMatchObject({ profile: 'fast', seed: '7' });
    const id = await next.run();
    await flush();
    expect((await next.instance(id))?.State?.Name).toBe('running');
  });
});
