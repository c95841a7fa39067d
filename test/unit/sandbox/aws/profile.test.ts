import * as EC2 from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { behaviour } from '../../../../src/sandbox/aws/faults/behaviour.js';
import { endpoint, findings } from './endpoint.js';
import { code, settled } from './setting.js';

describe('the realistic profile', () => {
  test('has an instance pending for seconds, and tells its machine to be slow at its first start', async () => {
    const { wish, run, instance, clock, engine } = await endpoint();
    await wish({ profile: 'realistic', seed: '1' });
    const id = await run();
    await clock.advance(2_900);
    expect(engine.containers.has(`oneclick-test-${id}`)).toBe(false);
    await clock.advance(5_100);
    expect((await instance(id))?.State?.Name).toBe('running');
    const { Env } = engine.containers.get(`oneclick-test-${id}`) ?? {};
    expect(Env).toContainEqual(expect.stringMatching(/^DELAYS=[4-9] [1-4] [3-8]$/));
  });

  test('does the same with the same seed, however often somebody looks', async () => {
    const { wish, run, instance, clock, engine } = await endpoint();
    const delays = async (seed: string, looks: number) => {
      await wish({ profile: 'realistic', seed });
      const ids = [await run(), await run()];
      await findings(looks, () => instance(ids[0] ?? ''));
      await clock.advance(9_000);
      return ids.map((id) =>
        engine.containers.get(`oneclick-test-${id}`)?.Env.find((one) => one.startsWith('DELAYS')),
      );
    };
    const first = await delays('1', 5);
    expect(await delays('1', 2)).toEqual(first);
    expect(await delays('2', 5)).not.toEqual(first);
  });

  test('does not start an instance that was terminated while it was pending', async () => {
    const { wish, run, ec2, clock, engine } = await endpoint();
    await wish({ profile: 'realistic' });
    const id = await run();
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(10_000);
    expect(engine.containers.has(`oneclick-test-${id}`)).toBe(false);
  });

  test('lets a group linger that an instance or a rule has referred to, but no other', async () => {
    const { wish, run, group, removeGroup, ec2, clock } = await endpoint();
    await wish({ profile: 'realistic' });
    const [had, named, naming, free] = await Promise.all(['had', 'named', 'naming', 'free'].map(group));
    const rule = {
      GroupId: naming ?? '',
      IpPermissions: [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: named ?? '' }] }],
    };
    await ec2.send(new EC2.AuthorizeSecurityGroupIngressCommand(rule));
    const id = await run({ SecurityGroupIds: [had ?? ''] });
    await removeGroup(free ?? '');
    await expect(removeGroup(had ?? '')).rejects.toEqual(code('DependencyViolation'));
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
    await ec2.send(new EC2.RevokeSecurityGroupIngressCommand(rule));
    await settled();
    const remove = () => Promise.all([had, named].map((one) => removeGroup(one ?? '')));
    await expect(remove()).rejects.toEqual(code('DependencyViolation'));
    await expect(remove()).rejects.toEqual(code('DependencyViolation'));
    clock.jump(11_000);
    await remove();
    await removeGroup(naming ?? '');
  });

  test('is known to the endpoint that is started next, and is left again', async () => {
    const first = await endpoint();
    await first.wish({ profile: 'realistic', seed: '7' });
    const next = await endpoint(first.engine);
    expect(behaviour(next.region)).toMatchObject({ profile: 'realistic', seed: '7' });
    expect((await next.wish({ profile: 'fast' })).said).toMatchObject({ profile: 'fast', seed: '7' });
    const id = await next.run();
    await settled();
    expect((await next.instance(id))?.State?.Name).toBe('running');
  });
});
