import * as EC2 from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import ssh from 'ssh2';
import { errorWithCode, flush, sandboxKey, setup } from './setup.js';

describe('the network', () => {
  test('has a public and a private subnet in two zones, with matching route tables', async () => {
    const { ec2 } = await setup();
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

  test('assigns each address once, and fails if a subnet has none left', async () => {
    const { ec2, run } = await setup();
    const { Subnets = [] } = await ec2.send(
      new EC2.DescribeSubnetsCommand({ Filters: [{ Name: 'cidr-block', Values: ['*.224/27'] }] }),
    );
    const [subnet] = Subnets;
    const SubnetId = subnet?.SubnetId;
    const made = await run({ SubnetId, MinCount: 27, MaxCount: 30 });
    expect(new Set(made.map(({ PrivateIpAddress }) => PrivateIpAddress)).size).toBe(27);
    expect(made.every(({ PublicIpAddress }) => PublicIpAddress === undefined)).toBe(true);
    await expect(run({ SubnetId })).rejects.toEqual(errorWithCode('InsufficientFreeAddressesInSubnet'));
    await expect(run({ MinCount: 6, MaxCount: 6 })).rejects.toEqual(errorWithCode('VcpuLimitExceeded'));
  });
});

describe('a security group', () => {
  const web = { GroupName: 'web', Description: 'Web' };
  const http = { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };

  test('is created by only one of concurrent calls', async () => {
    const { ec2 } = await setup();
    const made = await Promise.allSettled(
      [1, 2, 3].map(() => ec2.send(new EC2.CreateSecurityGroupCommand(web))),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(made).toContainEqual({ status: 'rejected', reason: errorWithCode('InvalidGroup.Duplicate') });
  });

  test('has each rule once, and lists it as rule and as permission', async () => {
    const { ec2 } = await setup();
    const { GroupId } = await ec2.send(new EC2.CreateSecurityGroupCommand(web));
    const authorize = () =>
      ec2.send(new EC2.AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [http] }));
    const { SecurityGroupRules } = await authorize();
    expect(SecurityGroupRules).toMatchObject([{ IsEgress: false, FromPort: 80, CidrIpv4: '0.0.0.0/0' }]);
    await expect(authorize()).rejects.toEqual(errorWithCode('InvalidPermission.Duplicate'));
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
    await expect(revoke()).rejects.toEqual(errorWithCode('InvalidPermission.NotFound'));
  });

  test('cannot be deleted while an instance or another group uses it', async () => {
    const { ec2, run } = await setup();
    const made = await Promise.all(
      ['web', 'db'].map((GroupName) => ec2.send(new EC2.CreateSecurityGroupCommand({ ...web, GroupName }))),
    );
    const [first = '', second = ''] = made.map(({ GroupId }) => GroupId);
    const fromFirst = { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: first }] };
    await ec2.send(
      new EC2.AuthorizeSecurityGroupIngressCommand({ GroupId: second, IpPermissions: [fromFirst] }),
    );
    const [used] = await run({ SecurityGroupIds: [second] });
    await flush();
    const remove = (GroupId: string) => ec2.send(new EC2.DeleteSecurityGroupCommand({ GroupId }));
    await expect(remove(first)).rejects.toEqual(errorWithCode('DependencyViolation'));
    await expect(remove(second)).rejects.toEqual(errorWithCode('DependencyViolation'));
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [used?.InstanceId ?? ''] }));
    await flush();
    await remove(second);
    await remove(first);
    await expect(remove(first)).rejects.toEqual(errorWithCode('InvalidGroup.NotFound'));
  });
});

test('a key pair can be created or imported once, in a valid format', async () => {
  const { ec2 } = await setup();
  const made = await ec2.send(new EC2.CreateKeyPairCommand({ KeyName: 'rsa' }));
  expect(ssh.utils.parseKey(made.KeyMaterial ?? '')).not.toBeInstanceOf(Error);
  const importKey = (KeyName: string, text: string) =>
    ec2.send(new EC2.ImportKeyPairCommand({ KeyName, PublicKeyMaterial: Buffer.from(text) }));
  await importKey('mine', `${sandboxKey} me@here\n`);
  await expect(importKey('mine', sandboxKey)).rejects.toEqual(errorWithCode('InvalidKeyPair.Duplicate'));
  await expect(importKey('two', `${sandboxKey}\n${sandboxKey}`)).rejects.toEqual(
    errorWithCode('InvalidKey.Format'),
  );
  await expect(importKey('none', 'ssh-rsa AAAA')).rejects.toEqual(errorWithCode('InvalidKey.Format'));
  const { KeyPairs } = await ec2.send(
    new EC2.DescribeKeyPairsCommand({ KeyNames: ['rsa', 'mine'], IncludePublicKey: true }),
  );
  expect(KeyPairs).toMatchObject([
    { KeyType: 'rsa' },
    { KeyType: 'ed25519', PublicKey: `${sandboxKey} me@here` },
  ]);
  await ec2.send(new EC2.DeleteKeyPairCommand({ KeyName: 'mine' }));
  const gone = ec2.send(new EC2.DescribeKeyPairsCommand({ KeyNames: ['mine'] }));
  await expect(gone).rejects.toEqual(errorWithCode('InvalidKeyPair.NotFound'));
});

test('tags of existing resources can be set, changed and removed', async () => {
  const { ec2, described } = await setup();
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
  await expect(set('i-00000000000000000', 'a')).rejects.toEqual(errorWithCode('InvalidInstanceID.NotFound'));
  await expect(set('constructor-1', 'a')).rejects.toEqual(errorWithCode('InvalidID'));
  await expect(set(Resources[0] ?? '', 'aws:a')).rejects.toEqual(errorWithCode('InvalidParameterValue'));
  const many = Array.from({ length: 50 }, (_, index) => ({ Key: `${index}` }));
  const tooMany = ec2.send(new EC2.CreateTagsCommand({ Resources, Tags: many }));
  await expect(tooMany).rejects.toEqual(errorWithCode('TagLimitExceeded'));
});
