import * as EC2 from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { code, hold, ownKey, setting, settled } from './setting.js';

describe('an instance', () => {
  test('is pending until its container runs, and then running', async () => {
    const { engine, run, states } = await setting();
    const go = hold(engine, /^start/);
    const [made] = await run({ KeyName: 'sandbox', UserData: Buffer.from('#!/bin/sh\n').toString('base64') });
    expect(made?.State).toEqual({ Code: 0, Name: 'pending' });
    expect(await states()).toEqual(['running', 'pending']);
    go();
    await settled();
    expect(await states()).toEqual(['running', 'running']);
    const { Env } = engine.containers.get(`oneclick-test-${made?.InstanceId}`) ?? {};
    expect(Env).toEqual(expect.arrayContaining([`FIRST_KEY=${ownKey}`, 'USER_DATA=IyEvYmluL3NoCg==']));
  });

  test('that the engine does not start is terminated, says why, and gives its address back', async () => {
    const { engine, run, described, told } = await setting();
    engine.before = (change) => {
      if (change.startsWith('start')) throw new Error('no space left on device');
    };
    const [made] = await run();
    await settled();
    const { instances } = await described({ InstanceIds: [made?.InstanceId ?? ''] });
    expect(instances).toMatchObject([
      { State: { Name: 'terminated' }, StateReason: { Code: 'Server.InternalError' } },
    ]);
    expect(told).toEqual([expect.stringContaining('no space left')]);
    engine.before = () => {};
    expect((await run())[0]?.PrivateIpAddress).toBe(made?.PrivateIpAddress);
  });

  test('that is terminated while it is launched is not left behind', async () => {
    const { engine, ec2, run, states } = await setting();
    const go = hold(engine, /^start/);
    const [made] = await run();
    await settled();
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [made?.InstanceId ?? ''] }));
    go();
    await settled();
    expect(await states()).toEqual(['running', 'terminated']);
    expect([...engine.containers.keys()]).toEqual(['oneclick-test-sandbox-1']);
  });

  test('is shown for an hour after its end, without an address', async () => {
    const { clock, ec2, run, described } = await setting();
    const [made] = await run();
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [made?.InstanceId ?? ''] }));
    await settled();
    const [, ended] = (await described()).instances;
    expect(ended).toMatchObject({
      InstanceId: made?.InstanceId,
      StateReason: { Code: 'Client.UserInitiatedShutdown' },
    });
    expect(ended?.PrivateIpAddress).toBeUndefined();
    clock.jump(3_600_001);
    expect((await described()).instances).toHaveLength(1);
    await expect(described({ InstanceIds: [made?.InstanceId ?? ''] })).rejects.toEqual(
      code('InvalidInstanceID.NotFound'),
    );
  });

  test('is asked for once, however often its token comes, and the token stands for one request', async () => {
    const { engine, run } = await setting();
    const [first] = await run({ ClientToken: 'once' });
    expect((await run({ ClientToken: 'once' }))[0]?.InstanceId).toBe(first?.InstanceId);
    await expect(run({ ClientToken: 'once', MaxCount: 2 })).rejects.toEqual(
      code('IdempotentParameterMismatch'),
    );
    const both = await Promise.all([run({ ClientToken: 'two' }), run({ ClientToken: 'two' })]);
    expect(new Set(both.flat().map(({ InstanceId }) => InstanceId)).size).toBe(1);
    await settled();
    expect(engine.containers.size).toBe(3);
  });

  test('is running all the time while it is rebooted', async () => {
    const { engine, ec2, run, states } = await setting();
    const [made] = await run();
    await settled();
    const name = `oneclick-test-${made?.InstanceId}`;
    const container = engine.containers.get(name);
    if (container === undefined) throw new Error(`no container ${name}`);
    const go = hold(engine, /^restart/);
    await ec2.send(new EC2.RebootInstancesCommand({ InstanceIds: [made?.InstanceId ?? ''] }));
    container.State = 'exited';
    expect(await states()).toEqual(['running', 'running']);
    go();
    await settled();
    container.State = 'exited';
    expect(await states()).toEqual(['running', 'stopped']);
  });

  test('that is protected lives on, and so do those that were to be terminated with it', async () => {
    const { ec2, run, states } = await setting();
    const made = [...(await run({ DisableApiTermination: true })), ...(await run())];
    const InstanceIds = made.map(({ InstanceId = '' }) => InstanceId);
    await settled();
    const ending = () => ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds }));
    await expect(ending()).rejects.toEqual(code('OperationNotPermitted'));
    expect(await states()).toEqual(['running', 'running', 'running']);
    const [InstanceId = ''] = InstanceIds;
    await ec2.send(
      new EC2.ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }),
    );
    await ending();
    await settled();
    expect(await states()).toEqual(['running', 'terminated', 'terminated']);
  });

  test('that is missing fails the whole call', async () => {
    const { ec2, run, described } = await setting();
    const [made] = await run();
    const ids = [made?.InstanceId ?? '', 'i-00000000000000000'];
    await expect(described({ InstanceIds: ids })).rejects.toEqual(code('InvalidInstanceID.NotFound'));
    await expect(described({ InstanceIds: ['web'] })).rejects.toEqual(code('InvalidInstanceID.Malformed'));
    const ending = ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: ids }));
    await expect(ending).rejects.toEqual(code('InvalidInstanceID.NotFound'));
  });

  test.each<[string, Partial<EC2.RunInstancesCommandInput>, string]>([
    ['an image', { ImageId: 'ami-1' }, 'InvalidAMIID.NotFound'],
    ['a key pair', { KeyName: 'nobodys' }, 'InvalidKeyPair.NotFound'],
    ['a group', { SecurityGroupIds: ['sg-1'] }, 'InvalidGroup.NotFound'],
    ['a subnet', { SubnetId: 'subnet-1' }, 'InvalidSubnetID.NotFound'],
    ['a type', { InstanceType: 'x9.huge' as EC2._InstanceType }, 'InvalidParameterValue'],
    ['a number', { MinCount: 3, MaxCount: 2 }, 'InvalidParameterValue'],
    ['user-data', { UserData: '#!/bin/sh' }, 'InvalidParameterValue'],
    ['less user-data', { UserData: Buffer.alloc(16_385).toString('base64') }, 'InvalidParameterValue'],
    ['a token', { ClientToken: 'a'.repeat(65) }, 'InvalidParameterValue'],
    ['tags', { TagSpecifications: [{ ResourceType: 'vpc', Tags: [] }] }, 'InvalidParameterValue'],
    ['an interface', { NetworkInterfaces: [{ NetworkInterfaceId: 'eni-1' }] }, 'UnsupportedOperation'],
  ])('needs %s that there is', async (_, input, name) => {
    const { run, states } = await setting();
    await expect(run(input)).rejects.toEqual(code(name));
    expect(await states()).toEqual(['running']);
  });

  test('is found by its tags, its state, its group, and page by page', async () => {
    const { run, described } = await setting();
    const tags = (Value: string) => [{ ResourceType: 'instance' as const, Tags: [{ Key: 'Name', Value }] }];
    await run({ MinCount: 4, MaxCount: 4, TagSpecifications: tags('web') });
    await run({ MinCount: 3, MaxCount: 3, TagSpecifications: tags('worker') });
    await settled();
    const found = async (Name: string, ...Values: string[]) =>
      (await described({ Filters: [{ Name, Values }] })).instances.length;
    expect(await found('tag:Name', 'w?b')).toBe(4);
    expect(await found('tag:Name', 'w*')).toBe(7);
    expect(await found('tag-key', 'Name')).toBe(8);
    expect(await found('instance-state-name', 'running')).toBe(8);
    expect(await found('instance.group-name', 'default')).toBe(7);
    await expect(found('colour', 'red')).rejects.toEqual(code('InvalidParameterValue'));
    const first = await described({ MaxResults: 5 });
    const rest = await described({ MaxResults: 5, NextToken: first.NextToken });
    expect([first.instances.length, rest.instances.length, rest.NextToken]).toEqual([5, 3, undefined]);
    await expect(described({ NextToken: '?' })).rejects.toEqual(code('InvalidParameterValue'));
  });
});

describe('the machines of the sandbox', () => {
  test('are instances as long as they are there', async () => {
    const { engine, described } = await setting();
    const [own] = (await described()).instances;
    expect(own).toMatchObject({
      PrivateIpAddress: '10.213.7.11',
      KeyName: 'sandbox',
      Tags: [{ Key: 'Name', Value: 'sandbox-1' }],
    });
    engine.containers.delete('oneclick-test-sandbox-1');
    expect((await described()).instances).toEqual([]);
  });
});

test('an endpoint that is started again knows all of it, and goes on with what was begun', async () => {
  const { engine, run, described } = await setting();
  const [first] = await run({ ClientToken: 'once' });
  await settled();
  const known = (await described()).instances;
  hold(engine, /^create oneclick|^remove oneclick/);
  const [begun] = await run();
  await settled();
  engine.before = () => {};
  const next = await setting(engine);
  await settled();
  expect((await next.described()).instances.slice(0, 2)).toEqual(known);
  expect((await next.run({ ClientToken: 'once' }))[0]?.InstanceId).toBe(first?.InstanceId);
  expect(engine.containers.get(`oneclick-test-${begun?.InstanceId}`)?.State).toBe('running');
});
