import * as EC2 from '@aws-sdk/client-ec2';
import * as ELB from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { behaviour, type FaultRequest } from '../../../../src/sandbox/aws/faults/behaviour.js';
import { endpoint, findings } from './endpoint.js';
import { code, settled } from './setting.js';

describe('a fault that is switched on', () => {
  test('strikes as many calls as it was told, of what it can strike', async () => {
    const { fault, run, look } = await endpoint();
    await fault('capacity', 2);
    await look();
    const refused = {
      ...{ name: 'InsufficientInstanceCapacity', $metadata: { httpStatusCode: 500 } },
      message: expect.stringContaining(
        'sufficient t3.small capacity in the Availability Zone you requested (us-east-1a)',
      ),
    };
    await expect(run()).rejects.toMatchObject(refused);
    await expect(run()).rejects.toMatchObject(refused);
    expect(await run()).toMatch(/^i-/);
  });

  test('strikes always, until it is cleared', async () => {
    const { fault, wish, run } = await endpoint();
    await fault('quota', 'always');
    for (let call = 0; call < 3; call++) await expect(run()).rejects.toEqual(code('VcpuLimitExceeded'));
    await wish({ clear: 'throttle' });
    await expect(run()).rejects.toEqual(code('VcpuLimitExceeded'));
    await wish({ clear: 'quota' });
    await run();
  });

  test('strikes the one action that it is restricted to', async () => {
    const { fault, ec2, look } = await endpoint();
    await fault('throttle', 1, 'DescribeSubnets');
    await look();
    await expect(ec2.send(new EC2.DescribeSubnetsCommand())).rejects.toEqual(code('RequestLimitExceeded'));
    await ec2.send(new EC2.DescribeSubnetsCommand());
  });

  test('is known to the endpoint that is started next, with what it has left', async () => {
    const first = await endpoint();
    await first.fault('throttle', 3);
    await expect(first.look()).rejects.toEqual(code('RequestLimitExceeded'));
    const next = await endpoint(first.engine);
    expect(behaviour(next.region).on).toEqual([{ name: 'throttle', times: 2 }]);
    expect(await findings(4, next.look)).toBe('--++');
  });

  test('does not count a call that another one refuses', async () => {
    const { fault, run, region: one } = await endpoint();
    await fault('dies-pending');
    await fault('throttle');
    await expect(run()).rejects.toEqual(code('RequestLimitExceeded'));
    expect(behaviour(one).on).toEqual([{ name: 'dies-pending', times: 1 }]);
  });
});

describe('the sandbox', () => {
  test('hears what is on, and what there is', async () => {
    const { fault, wish } = await endpoint();
    await fault('capacity');
    const { said } = await fault('throttle', 'always', 'DescribeVpcs');
    expect(said).toMatchObject({
      ...{ pid: 1, profile: 'fast' },
      on: [
        { name: 'capacity', times: 1 },
        { name: 'throttle', times: 'always', on: 'DescribeVpcs' },
      ],
      faults: expect.arrayContaining([{ name: 'quota', summary: expect.any(String) }]),
    });
    expect((await wish({ clear: true })).said.on).toEqual([]);
  });

  test.each<[string, FaultRequest | string, string | undefined]>([
    ['a fault that there is not', { fault: { name: 'capacty', times: 1 } }, 'did you mean capacity?'],
    ['clearing one that there is not', { clear: 'latte' }, 'did you mean late?'],
    [
      'an action that there is not',
      { fault: { name: 'throttle', times: 1, on: 'RunInstance' } },
      'did you mean RunInstances?',
    ],
    [
      'an action that it cannot strike',
      { fault: { name: 'leak', times: 1, on: 'DescribeVpcs' } },
      'one of DeregisterTargets',
    ],
    [
      'what is no number of calls',
      '{"fault":{"name":"late","times":0}}',
      'oneclick sandbox up starts one of this version',
    ],
    ['what is no JSON', '?', 'oneclick sandbox up starts one of this version'],
  ])('is refused %s', async (_, text, hint) => {
    const { wish, region: one } = await endpoint();
    expect(await wish(text)).toMatchObject({ status: 400, said: { hint } });
    expect(behaviour(one).on).toEqual([]);
  });

  test('is heard only with its token', async () => {
    const { wish, region: one } = await endpoint();
    expect(await wish({ fault: { name: 'throttle', times: 1 } }, 'x')).toEqual({
      status: 403,
      said: 'not for you',
    });
    expect(behaviour(one).on).toEqual([]);
  });
});

test('what is throttled is said as each service says it', async () => {
  const { fault, look, elb } = await endpoint();
  await fault('throttle', 2);
  await expect(look()).rejects.toMatchObject({
    ...{ name: 'RequestLimitExceeded', $metadata: { httpStatusCode: 503 } },
  });
  await expect(elb.send(new ELB.DescribeTargetGroupsCommand())).rejects.toMatchObject({
    ...{ name: 'Throttling', message: 'Rate exceeded', $metadata: { httpStatusCode: 400 } },
  });
});

test('a response that is lost leaves what was made, and looking is not struck unless it is named', async () => {
  const { fault, group, ec2, look } = await endpoint();
  await fault('lost-response');
  await look();
  await expect(group('web')).rejects.toThrow('socket hang up');
  const { SecurityGroups } = await ec2.send(new EC2.DescribeSecurityGroupsCommand({ GroupNames: ['web'] }));
  expect(SecurityGroups).toHaveLength(1);
  await expect(group('web')).rejects.toEqual(code('InvalidGroup.Duplicate'));
  await fault('lost-response', 1, 'DescribeVpcs');
  await expect(look()).rejects.toThrow('socket hang up');
});

test('a refusal that is lost is as silent as a success', async () => {
  const { fault, removeGroup } = await endpoint();
  await fault('lost-response');
  await expect(removeGroup('sg-00000000000000000')).rejects.toThrow('socket hang up');
});

test('an instance that dies is pending for a while, and then says why it is terminated', async () => {
  const { fault, run, instance, clock, engine } = await endpoint();
  await fault('dies-pending');
  const [dying, living] = [await run(), await run()];
  await settled();
  expect((await instance(dying))?.State?.Name).toBe('pending');
  await clock.advance(3_000);
  expect(await instance(dying)).toMatchObject({
    ...{ State: { Name: 'terminated' }, StateReason: { Code: 'Server.InternalError' } },
  });
  expect((await instance(living))?.State?.Name).toBe('running');
  expect(engine.containers.has(`oneclick-test-${dying}`)).toBe(false);
});

test('a new ID that is late is not found by every call, nor listed by every one, and later on by all', async () => {
  const { fault, run, instance, group, ec2, clock } = await endpoint();
  await fault('late', 2);
  const [id, GroupId] = [await run(), await group('web')];
  const groups = (input: EC2.DescribeSecurityGroupsCommandInput) =>
    ec2.send(new EC2.DescribeSecurityGroupsCommand(input));
  const listed = async () => {
    const { SecurityGroups = [] } = await groups({});
    if (!SecurityGroups.some((one) => one.GroupId === GroupId)) throw new Error('not listed');
  };
  const lookups = [() => instance(id), () => groups({ GroupIds: [GroupId] }), listed];
  for (const lookup of lookups) expect(await findings(12, lookup)).toMatch(/(?=.*\+)(?=.*-)/);
  await expect(
    (async () => {
      for (;;) await instance(id);
    })(),
  ).rejects.toEqual(code('InvalidInstanceID.NotFound'));
  clock.jump(9_000);
  for (const lookup of lookups) expect(await findings(12, lookup)).toBe('+'.repeat(12));
});

test('what is said to be referred to cannot be deleted for some calls', async () => {
  const { fault, group, removeGroup, elb } = await endpoint();
  await fault('dependency');
  const id = await group('web');
  await expect(removeGroup(id)).rejects.toEqual(code('DependencyViolation'));
  await removeGroup(id);
  const input = { Name: 'web', Protocol: 'HTTP' as const, Port: 80, VpcId: 'vpc-1' };
  const { TargetGroups } = await elb.send(new ELB.CreateTargetGroupCommand(input));
  const { TargetGroupArn } = TargetGroups?.[0] ?? {};
  await fault('in-use');
  const remove = () => elb.send(new ELB.DeleteTargetGroupCommand({ TargetGroupArn }));
  await expect(remove()).rejects.toBeInstanceOf(ELB.ResourceInUseException);
  await remove();
});
