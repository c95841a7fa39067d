import * as EC2 from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { errorWithCode, flush, holdChanges, sandboxKey, setup } from './setup.js';

describe('an instance', () => {
  test('is pending until its container runs, and then running', async () => {
    const { engine, run, states } = await setup();
    const release = holdChanges(engine, /^start/);
    const [made] = await run({ KeyName: 'sandbox', UserData: Buffer.from('#!/bin/sh\n').toString('base64') });
    expect(made?.State).toEqual({ Code: 0, Name: 'pending' });
    expect(await states()).toEqual(['running', 'pending']);
    release();
    await flush();
    expect(await states()).toEqual(['running', 'running']);
    const { Env } = engine.containers.get(`oneclick-test-${made?.InstanceId}`) ?? {};
    expect(Env).toEqual(expect.arrayContaining([`FIRST_KEY=${sandboxKey}`, 'USER_DATA=IyEvYmluL3NoCg==']));
  });

  test('is terminated with a reason and releases its address if the engine cannot start it', async () => {
    const { engine, run, described, logged } = await setup();
    engine.before = (change) => {
      if (change.startsWith('start')) throw new Error('no space left on device');
    };
    const [made] = await run();
    await flush();
    const { instances } = await described({ InstanceIds: [made?.InstanceId ?? ''] });
    expect(instances).toMatchObject([
      { State: { Name: 'terminated' }, StateReason: { Code: 'Server.InternalError' } },
    ]);
    expect(logged).toEqual([expect.stringContaining('no space left')]);
    engine.before = () => {};
    expect((await run())[0]?.PrivateIpAddress).toBe(made?.PrivateIpAddress);
  });

  test('leaves no container if it is terminated during the launch', async () => {
    const { engine, ec2, run, states } = await setup();
    const release = holdChanges(engine, /^start/);
    const [made] = await run();
    await flush();
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [made?.InstanceId ?? ''] }));
    release();
    await flush();
    expect(await states()).toEqual(['running', 'terminated']);
    expect([...engine.containers.keys()]).toEqual(['oneclick-test-sandbox-1']);
  });

  test('stays visible without an address for an hour after it is terminated', async () => {
    const { clock, ec2, run, described } = await setup();
    const [made] = await run();
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [made?.InstanceId ?? ''] }));
    await flush();
    const [, ended] = (await described()).instances;
    expect(ended).toMatchObject({
      InstanceId: made?.InstanceId,
      StateReason: { Code: 'Client.UserInitiatedShutdown' },
    });
    expect(ended?.PrivateIpAddress).toBeUndefined();
    clock.jump(3_600_001);
    expect((await described()).instances).toHaveLength(1);
    await expect(described({ InstanceIds: [made?.InstanceId ?? ''] })).rejects.toEqual(
      errorWithCode('InvalidInstanceID.NotFound'),
    );
  });

  test('is created once per client token, and a token belongs to one request', async () => {
    const { engine, run } = await setup();
    const [first] = await run({ ClientToken: 'once' });
    expect((await run({ ClientToken: 'once' }))[0]?.InstanceId).toBe(first?.InstanceId);
    await expect(run({ ClientToken: 'once', MaxCount: 2 })).rejects.toEqual(
      errorWithCode('IdempotentParameterMismatch'),
    );
    const both = await Promise.all([run({ ClientToken: 'two' }), run({ ClientToken: 'two' })]);
    expect(new Set(both.flat().map(({ InstanceId }) => InstanceId)).size).toBe(1);
    await flush();
    expect(engine.containers.size).toBe(3);
  });

  test('stays running while it reboots', async () => {
    const { engine, ec2, run, states } = await setup();
    const [made] = await run();
    await flush();
    const name = `oneclick-test-${made?.InstanceId}`;
    const container = engine.containers.get(name);
    if (container === undefined) throw new Error(`no container ${name}`);
    const release = holdChanges(engine, /^restart/);
    await ec2.send(new EC2.RebootInstancesCommand({ InstanceIds: [made?.InstanceId ?? ''] }));
    container.State = 'exited';
    expect(await states()).toEqual(['running', 'running']);
    release();
    await flush();
    container.State = 'exited';
    expect(await states()).toEqual(['running', 'stopped']);
  });

  test('that is protected fails the termination of all instances of the call', async () => {
    const { ec2, run, states } = await setup();
    const made = [...(await run({ DisableApiTermination: true })), ...(await run())];
    const InstanceIds = made.map(({ InstanceId = '' }) => InstanceId);
    await flush();
    const ending = () => ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds }));
    await expect(ending()).rejects.toEqual(errorWithCode('OperationNotPermitted'));
    expect(await states()).toEqual(['running', 'running', 'running']);
    const [InstanceId = ''] = InstanceIds;
    await ec2.send(
      new EC2.ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }),
    );
    await ending();
    await flush();
    expect(await states()).toEqual(['running', 'terminated', 'terminated']);
  });

  test('that does not exist fails the whole call', async () => {
    const { ec2, run, described } = await setup();
    const [made] = await run();
    const ids = [made?.InstanceId ?? '', 'i-00000000000000000'];
    await expect(described({ InstanceIds: ids })).rejects.toEqual(
      errorWithCode('InvalidInstanceID.NotFound'),
    );
    await expect(described({ InstanceIds: ['web'] })).rejects.toEqual(
      errorWithCode('InvalidInstanceID.Malformed'),
    );
    const ending = ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: ids }));
    await expect(ending).rejects.toEqual(errorWithCode('InvalidInstanceID.NotFound'));
  });

  test.each<[string, Partial<EC2.RunInstancesCommandInput>, string]>([
    ['image', { ImageId: 'ami-1' }, 'InvalidAMIID.NotFound'],
    ['key pair', { KeyName: 'nobodys' }, 'InvalidKeyPair.NotFound'],
    ['security group', { SecurityGroupIds: ['sg-1'] }, 'InvalidGroup.NotFound'],
    ['subnet', { SubnetId: 'subnet-1' }, 'InvalidSubnetID.NotFound'],
    ['type', { InstanceType: 'x9.huge' as EC2._InstanceType }, 'InvalidParameterValue'],
    ['count', { MinCount: 3, MaxCount: 2 }, 'InvalidParameterValue'],
    ['user-data', { UserData: '#!/bin/sh' }, 'InvalidParameterValue'],
    ['length of user-data', { UserData: Buffer.alloc(16_385).toString('base64') }, 'InvalidParameterValue'],
    ['client token', { ClientToken: 'a'.repeat(65) }, 'InvalidParameterValue'],
    ['tag type', { TagSpecifications: [{ ResourceType: 'vpc', Tags: [] }] }, 'InvalidParameterValue'],
    ['network interface', { NetworkInterfaces: [{ NetworkInterfaceId: 'eni-1' }] }, 'UnsupportedOperation'],
  ])('fails for an invalid %s', async (_, input, name) => {
    const { run, states } = await setup();
    await expect(run(input)).rejects.toEqual(errorWithCode(name));
    expect(await states()).toEqual(['running']);
  });

  test('is found by tags, state and group, and in pages', async () => {
    const { run, described } = await setup();
    const tags = (Value: string) => [{ ResourceType: 'instance' as const, Tags: [{ Key: 'Name', Value }] }];
    await run({ MinCount: 4, MaxCount: 4, TagSpecifications: tags('web') });
    await run({ MinCount: 3, MaxCount: 3, TagSpecifications: tags('worker') });
    await flush();
    const found = async (Name: string, ...Values: string[]) =>
      (await described({ Filters: [{ Name, Values }] })).instances.length;
    expect(await found('tag:Name', 'w?b')).toBe(4);
    expect(await found('tag:Name', 'w*')).toBe(7);
    expect(await found('tag-key', 'Name')).toBe(8);
    expect(await found('instance-state-name', 'running')).toBe(8);
    expect(await found('instance.group-name', 'default')).toBe(7);
    await expect(found('color', 'red')).rejects.toEqual(errorWithCode('InvalidParameterValue'));
    const first = await described({ MaxResults: 5 });
    const rest = await described({ MaxResults: 5, NextToken: first.NextToken });
    expect([first.instances.length, rest.instances.length, rest.NextToken]).toEqual([5, 3, undefined]);
    await expect(described({ NextToken: '?' })).rejects.toEqual(errorWithCode('InvalidParameterValue'));
  });
});

describe('the machines of the sandbox', () => {
  test('are instances while they exist', async () => {
    const { engine, described } = await setup();
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

test('a restarted endpoint knows all instances and resumes unfinished launches', async () => {
  const { engine, run, described } = await setup();
  const [first] = await run({ ClientToken: 'once' });
  await flush();
  const known = (await described()).instances;
  holdChanges(engine, /^create oneclick|^remove oneclick/);
  const [unfinished] = await run();
  await flush();
  engine.before = () => {};
  const next = await setup(engine);
  await flush();
  expect((await next.described()).instances.slice(0, 2)).toEqual(known);
  expect((await next.run({ ClientToken: 'once' }))[0]?.InstanceId).toBe(first?.InstanceId);
  expect(engine.containers.get(`oneclick-test-${unfinished?.InstanceId}`)?.State).toBe('running');
});
