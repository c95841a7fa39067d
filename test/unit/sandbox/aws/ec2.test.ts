import * as EC2 from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import ssh from 'ssh2';
import { openRegion } from '../../../../src/sandbox/aws/region.js';
import { services } from '../../../../src/sandbox/aws/services.js';
import { FakeEngine } from './engine.js';
import { clients, surroundings } from './region.js';

const { public: ownKey } = ssh.utils.generateKeyPairSync('ed25519');

/** The endpoint of a sandbox with one machine of its own. */
async function setting(engine = new FakeEngine()) {
  const around = surroundings(engine);
  const { context, network, told } = around;
  const own = {
    'oneclick.sandbox': 'test',
    'oneclick.sandbox.machine': 'sandbox-1',
    'oneclick.sandbox.role': 'machine',
  };
  engine.containers.set('oneclick-test-sandbox-1', { Id: '1', Labels: own, Env: [], State: 'running' });
  const region = await openRegion(context, 'test', network, 'machine', ownKey);
  const { ec2 } = clients(services, region);
  const run = async (input: Partial<EC2.RunInstancesCommandInput> = {}) => {
    const ImageId = 'resolve:ssm:/aws/service/any';
    const { Instances = [] } = await ec2.send(
      new EC2.RunInstancesCommand({ MinCount: 1, MaxCount: 1, ImageId, ...input }),
    );
    return Instances;
  };
  const described = async (input: EC2.DescribeInstancesCommandInput = {}) => {
    const { Reservations = [], NextToken } = await ec2.send(new EC2.DescribeInstancesCommand(input));
    return { instances: Reservations.flatMap(({ Instances = [] }) => Instances), NextToken };
  };
  const states = async () => (await described()).instances.map(({ State }) => State?.Name);
  return { ...around, told, engine, region, ec2, run, described, states };
}

/** Holds up what is told to the engine from now on, until it is let go. */
function hold(engine: FakeEngine, which: RegExp): () => void {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.before = (change) => (which.test(change) ? held : undefined);
  return () => {
    engine.before = () => {};
    release();
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const code = (name: string) => expect.objectContaining({ name });

describe('the network', () => {
  test('has a public and a private subnet in two zones, which its route tables tell apart', async () => {
    const { ec2 } = await setting();
    const { Subnets = [] } = await ec2.send(new EC2.DescribeSubnetsCommand());
    expect(Subnets.map(({ AvailabilityZone }) => AvailabilityZone).sort()).toEqual([
      ...['us-east-1a', 'us-east-1a', 'us-east-1b', 'us-east-1b'],
    ]);
    const { RouteTables = [] } = await ec2.send(new EC2.DescribeRouteTablesCommand());
    const [open] = RouteTables.filter(({ Routes }) =>
      Routes?.some(({ GatewayId }) => GatewayId?.startsWith('igw-')),
    );
    const [main] = RouteTables.filter(({ Associations }) => Associations?.some(({ Main }) => Main));
    const isPublic = Subnets.filter(({ MapPublicIpOnLaunch }) => MapPublicIpOnLaunch).map(
      ({ SubnetId }) => SubnetId,
    );
    expect(open?.Associations?.map(({ SubnetId }) => SubnetId).sort()).toEqual([...isPublic].sort());
    expect(main).not.toBe(open);
  });

  test('has no address twice, and tells when a subnet has none left', async () => {
    const { ec2, run } = await setting();
    const { Subnets = [] } = await ec2.send(
      new EC2.DescribeSubnetsCommand({ Filters: [{ Name: 'cidr-block', Values: ['*.224/27'] }] }),
    );
    const [subnet] = Subnets;
    const SubnetId = subnet?.SubnetId;
    const made = await run({ SubnetId, MinCount: 27, MaxCount: 30 });
    expect(new Set(made.map(({ PrivateIpAddress }) => PrivateIpAddress)).size).toBe(27);
    expect(made.every(({ PublicIpAddress }) => PublicIpAddress === undefined)).toBe(true);
    await expect(run({ SubnetId })).rejects.toEqual(code('InsufficientFreeAddressesInSubnet'));
    await expect(run({ MinCount: 6, MaxCount: 6 })).rejects.toEqual(code('VcpuLimitExceeded'));
  });
});

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

describe('a security group', () => {
  const web = { GroupName: 'web', Description: 'Web' };
  const http = { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };

  test('belongs to whoever makes it first', async () => {
    const { ec2 } = await setting();
    const made = await Promise.allSettled(
      [1, 2, 3].map(() => ec2.send(new EC2.CreateSecurityGroupCommand(web))),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(made).toContainEqual({ status: 'rejected', reason: code('InvalidGroup.Duplicate') });
  });

  test('has each rule once, and shows it by itself and in its permission', async () => {
    const { ec2 } = await setting();
    const { GroupId } = await ec2.send(new EC2.CreateSecurityGroupCommand(web));
    const authorize = () =>
      ec2.send(new EC2.AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [http] }));
    const { SecurityGroupRules } = await authorize();
    expect(SecurityGroupRules).toMatchObject([{ IsEgress: false, FromPort: 80, CidrIpv4: '0.0.0.0/0' }]);
    await expect(authorize()).rejects.toEqual(code('InvalidPermission.Duplicate'));
    const shown = async () => {
      const { SecurityGroups } = await ec2.send(
        new EC2.DescribeSecurityGroupsCommand({ GroupNames: ['web'] }),
      );
      return SecurityGroups?.[0]?.IpPermissions;
    };
    expect(await shown()).toMatchObject([http]);
    const revoke = () =>
      ec2.send(new EC2.RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [http] }));
    await revoke();
    expect(await shown()).toEqual([]);
    await expect(revoke()).rejects.toEqual(code('InvalidPermission.NotFound'));
  });

  test('cannot be deleted while an instance has it, or another group names it', async () => {
    const { ec2, run } = await setting();
    const made = await Promise.all(
      ['web', 'db'].map((GroupName) => ec2.send(new EC2.CreateSecurityGroupCommand({ ...web, GroupName }))),
    );
    const [first = '', second = ''] = made.map(({ GroupId }) => GroupId);
    const fromFirst = { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: first }] };
    await ec2.send(
      new EC2.AuthorizeSecurityGroupIngressCommand({ GroupId: second, IpPermissions: [fromFirst] }),
    );
    const [had] = await run({ SecurityGroupIds: [second] });
    await settled();
    const remove = (GroupId: string) => ec2.send(new EC2.DeleteSecurityGroupCommand({ GroupId }));
    await expect(remove(first)).rejects.toEqual(code('DependencyViolation'));
    await expect(remove(second)).rejects.toEqual(code('DependencyViolation'));
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [had?.InstanceId ?? ''] }));
    await settled();
    await remove(second);
    await remove(first);
    await expect(remove(first)).rejects.toEqual(code('InvalidGroup.NotFound'));
  });
});

test('a key pair is made or imported, is not made twice, and is what it says it is', async () => {
  const { ec2 } = await setting();
  const made = await ec2.send(new EC2.CreateKeyPairCommand({ KeyName: 'rsa' }));
  expect(ssh.utils.parseKey(made.KeyMaterial ?? '')).not.toBeInstanceOf(Error);
  const bring = (KeyName: string, text: string) =>
    ec2.send(new EC2.ImportKeyPairCommand({ KeyName, PublicKeyMaterial: Buffer.from(text) }));
  await bring('mine', `${ownKey} me@here\n`);
  await expect(bring('mine', ownKey)).rejects.toEqual(code('InvalidKeyPair.Duplicate'));
  await expect(bring('two', `${ownKey}\n${ownKey}`)).rejects.toEqual(code('InvalidKey.Format'));
  await expect(bring('none', 'ssh-rsa AAAA')).rejects.toEqual(code('InvalidKey.Format'));
  const { KeyPairs } = await ec2.send(
    new EC2.DescribeKeyPairsCommand({ KeyNames: ['rsa', 'mine'], IncludePublicKey: true }),
  );
  expect(KeyPairs).toMatchObject([
    { KeyType: 'rsa' },
    { KeyType: 'ed25519', PublicKey: `${ownKey} me@here` },
  ]);
  await ec2.send(new EC2.DeleteKeyPairCommand({ KeyName: 'mine' }));
  const gone = ec2.send(new EC2.DescribeKeyPairsCommand({ KeyNames: ['mine'] }));
  await expect(gone).rejects.toEqual(code('InvalidKeyPair.NotFound'));
});

test('tags are set, changed and taken away, of what there is', async () => {
  const { ec2, described } = await setting();
  const [own] = (await described()).instances;
  const Resources = [own?.InstanceId ?? ''];
  const tags = async () => (await described()).instances[0]?.Tags;
  await ec2.send(
    new EC2.CreateTagsCommand({
      Resources,
      Tags: [
        { Key: '__proto__', Value: 'a' },
        { Key: 'Name', Value: 'b' },
      ],
    }),
  );
  expect(await tags()).toEqual([
    { Key: 'Name', Value: 'b' },
    { Key: '__proto__', Value: 'a' },
  ]);
  await ec2.send(
    new EC2.DeleteTagsCommand({ Resources, Tags: [{ Key: 'Name', Value: 'other' }, { Key: '__proto__' }] }),
  );
  expect(await tags()).toEqual([{ Key: 'Name', Value: 'b' }]);
  const set = (id: string, Key: string) =>
    ec2.send(new EC2.CreateTagsCommand({ Resources: [id], Tags: [{ Key }] }));
  await expect(set('i-00000000000000000', 'a')).rejects.toEqual(code('InvalidInstanceID.NotFound'));
  await expect(set('constructor-1', 'a')).rejects.toEqual(code('InvalidID'));
  await expect(set(Resources[0] ?? '', 'aws:a')).rejects.toEqual(code('InvalidParameterValue'));
  const many = Array.from({ length: 50 }, (_, index) => ({ Key: `${index}` }));
  const tooMany = ec2.send(new EC2.CreateTagsCommand({ Resources, Tags: many }));
  await expect(tooMany).rejects.toEqual(code('TagLimitExceeded'));
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
