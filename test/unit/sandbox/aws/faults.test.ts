import * as EC2 from '@aws-sdk/client-ec2';
import * as ELB from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { behaviorOf, type FaultRequest } from '../../../../src/sandbox/aws/faults/behavior.js';
import { endpoint, lookupMarks } from './endpoint.js';
import { errorWithCode, flush } from './setup.js';

describe('an enabled fault', () => {
  test('affects the given number of calls, of its actions only', async () => {
    const { fault, run, describeVpcs } = await endpoint();
    await fault('capacity', 2);
    await describeVpcs();
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

  test('with `always` affects all calls until it is cleared', async () => {
    const { fault, control, run } = await endpoint();
    await fault('quota', 'always');
    for (let call = 0; call < 3; call++)
      await expect(run()).rejects.toEqual(errorWithCode('VcpuLimitExceeded'));
    await control({ clear: 'throttle' });
    await expect(run()).rejects.toEqual(errorWithCode('VcpuLimitExceeded'));
    await control({ clear: 'quota' });
    await run();
  });

  test('affects only the action that it is restricted to', async () => {
    const { fault, ec2, describeVpcs } = await endpoint();
    await fault('throttle', 1, 'DescribeSubnets');
    await describeVpcs();
    await expect(ec2.send(new EC2.DescribeSubnetsCommand())).rejects.toEqual(
      errorWithCode('RequestLimitExceeded'),
    );
    await ec2.send(new EC2.DescribeSubnetsCommand());
  });

  test('keeps its remaining count when the endpoint restarts', async () => {
    const first = await endpoint();
    await first.fault('throttle', 3);
    await expect(first.describeVpcs()).rejects.toEqual(errorWithCode('RequestLimitExceeded'));
    const next = await endpoint(first.engine);
    expect(behaviorOf(next.region).on).toEqual([{ name: 'throttle', times: 2 }]);
    expect(await lookupMarks(4, next.describeVpcs)).toBe('--++');
  });

  test('does not count a call that another fault fails', async () => {
    const { fault, run, region } = await endpoint();
    await fault('dies-pending');
    await fault('throttle');
    await expect(run()).rejects.toEqual(errorWithCode('RequestLimitExceeded'));
    expect(behaviorOf(region).on).toEqual([{ name: 'dies-pending', times: 1 }]);
  });
});

describe('a control request', () => {
  test('returns the enabled and the available faults', async () => {
    const { fault, control } = await endpoint();
    await fault('capacity');
    const { body } = await fault('throttle', 'always', 'DescribeVpcs');
    expect(body).toMatchObject({
      ...{ pid: 1, profile: 'fast' },
      on: [
        { name: 'capacity', times: 1 },
        { name: 'throttle', times: 'always', on: 'DescribeVpcs' },
      ],
      faults: expect.arrayContaining([{ name: 'quota', summary: expect.any(String) }]),
    });
    expect((await control({ clear: true })).body.on).toEqual([]);
  });

  test.each<[string, FaultRequest | string, string | undefined]>([
    ['an unknown fault', { fault: { name: 'capacty', times: 1 } }, 'did you mean capacity?'],
    ['clearing an unknown fault', { clear: 'latte' }, 'did you mean late?'],
    [
      'an unknown action',
      { fault: { name: 'throttle', times: 1, on: 'RunInstance' } },
      'did you mean RunInstances?',
    ],
    [
      'an action that the fault cannot affect',
      { fault: { name: 'leak', times: 1, on: 'DescribeVpcs' } },
      'available: DeregisterTargets',
    ],
    [
      'an invalid number of calls',
      '{"fault":{"name":"late","times":0}}',
      'replace an endpoint of another version: oneclick sandbox up',
    ],
    ['invalid JSON', '?', 'replace an endpoint of another version: oneclick sandbox up'],
  ])('fails for %s', async (_, text, hint) => {
    const { control, region } = await endpoint();
    expect(await control(text)).toMatchObject({ status: 400, body: { hint } });
    expect(behaviorOf(region).on).toEqual([]);
  });

  test('requires the token', async () => {
    const { control, region } = await endpoint();
    expect(await control({ fault: { name: 'throttle', times: 1 } }, 'x')).toEqual({
      status: 403,
      body: 'invalid token',
    });
    expect(behaviorOf(region).on).toEqual([]);
  });
});

test('throttling has the error code of the service', async () => {
  const { fault, describeVpcs, elb } = await endpoint();
  await fault('throttle', 2);
  await expect(describeVpcs()).rejects.toMatchObject({
    ...{ name: 'RequestLimitExceeded', $metadata: { httpStatusCode: 503 } },
  });
  await expect(elb.send(new ELB.DescribeTargetGroupsCommand())).rejects.toMatchObject({
    ...{ name: 'Throttling', message: 'Rate exceeded', $metadata: { httpStatusCode: 400 } },
  });
});

test('a lost response keeps the change, and affects reads only if they are named', async () => {
  const { fault, group, ec2, describeVpcs } = await endpoint();
  await fault('lost-response');
  await describeVpcs();
  await expect(group('web')).rejects.toThrow('socket hang up');
  const { SecurityGroups } = await ec2.send(new EC2.DescribeSecurityGroupsCommand({ GroupNames: ['web'] }));
  expect(SecurityGroups).toHaveLength(1);
  await expect(group('web')).rejects.toEqual(errorWithCode('InvalidGroup.Duplicate'));
  await fault('lost-response', 1, 'DescribeVpcs');
  await expect(describeVpcs()).rejects.toThrow('socket hang up');
});

test('an error response can be lost too', async () => {
  const { fault, removeGroup } = await endpoint();
  await fault('lost-response');
  await expect(removeGroup('sg-00000000000000000')).rejects.toThrow('socket hang up');
});

test('an instance with dies-pending is pending for a while, then terminated with a reason', async () => {
  const { fault, run, instance, clock, engine } = await endpoint();
  await fault('dies-pending');
  const [dying, living] = [await run(), await run()];
  await flush();
  expect((await instance(dying))?.State?.Name).toBe('pending');
  await clock.advance(3_000);
  expect(await instance(dying)).toMatchObject({
    ...{ State: { Name: 'terminated' }, StateReason: { Code: 'Server.InternalError' } },
  });
  expect((await instance(living))?.State?.Name).toBe('running');
  expect(engine.containers.has(`oneclick-test-${dying}`)).toBe(false);
});

test('a new ID with late is missing in some calls for some seconds, then in none', async () => {
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
  for (const lookup of lookups) expect(await lookupMarks(12, lookup)).toMatch(/(?=.*\+)(?=.*-)/);
  await expect(
    (async () => {
      for (;;) await instance(id);
    })(),
  ).rejects.toEqual(errorWithCode('InvalidInstanceID.NotFound'));
  clock.jump(9_000);
  for (const lookup of lookups) expect(await lookupMarks(12, lookup)).toBe('+'.repeat(12));
});

test('dependency and in-use block deletion for the given number of calls', async () => {
  const { fault, group, removeGroup, elb } = await endpoint();
  await fault('dependency');
  const id = await group('web');
  await expect(removeGroup(id)).rejects.toEqual(errorWithCode('DependencyViolation'));
  await removeGroup(id);
  const input = { Name: 'web', Protocol: 'HTTP' as const, Port: 80, VpcId: 'vpc-1' };
  const { TargetGroups } = await elb.send(new ELB.CreateTargetGroupCommand(input));
  const { TargetGroupArn } = TargetGroups?.[0] ?? {};
  await fault('in-use');
  const remove = () => elb.send(new ELB.DeleteTargetGroupCommand({ TargetGroupArn }));
  await expect(remove()).rejects.toBeInstanceOf(ELB.ResourceInUseException);
  await remove();
});
