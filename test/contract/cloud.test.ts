import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { jest } from '@jest/globals';
import { awsCloud } from '../../src/cloud/aws/aws.js';
import type { Cloud } from '../../src/cloud/cloud.js';
import { type PollAnswer, poller } from '../../src/cloud/poll.js';
import { systemClock } from '../../src/domain/clock.js';
import { cloudContract } from './cloud.contract.js';
import { endpoint } from './sandbox.js';

jest.setTimeout(300_000);

const ports = [20_000, 20_001] as const;
/** The user data of an instance: a web server on each port. */
const userData = `#!/bin/sh
mkdir -p /srv/up && echo up >/srv/up/index.html
for port in ${ports.join(' ')}; do busybox httpd -p $port -h /srv; done
`;

cloudContract('the endpoint of the sandbox', async () => {
  const { endpoint: url, region } = await endpoint();
  const keys = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };
  const cloud = awsCloud({
    variables: {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    },
    clock: systemClock,
    random: Math.random,
  });
  const ec2 = await import('@aws-sdk/client-ec2');
  const elb = await import('@aws-sdk/client-elastic-load-balancing-v2');
  const settings = { endpoint: url, region, credentials: keys };
  const name = `contract-${process.pid}`;
  const machines = await instances(new ec2.EC2Client(settings), cloud, name);
  const balancing = await groups(new elb.ElasticLoadBalancingV2Client(settings), machines, name).catch(
    async (error: unknown) => {
      await machines.remove();
      throw error;
    },
  );
  return {
    ...{
      cloud,
      name,
      ports,
      running: machines.running,
      stopped: machines.stopped,
      security: machines.security,
    },
    ...{ group: name, idle: `${name}-idle` },
    pass: (ms) => systemClock.sleep(ms),
    close: async () => {
      await balancing.remove();
      await machines.remove();
    },
  };
});

/** Two running instances, a stopped one, and a security group with a rule, in the existing VPC. */
async function instances(client: EC2Client, cloud: Cloud, name: string) {
  const sdk = await import('@aws-sdk/client-ec2');
  const { Vpcs } = await client.send(new sdk.DescribeVpcsCommand({}));
  const vpc = Vpcs?.[0]?.VpcId ?? '';
  const { Subnets = [] } = await client.send(new sdk.DescribeSubnetsCommand({}));
  const { Images } = await client.send(new sdk.DescribeImagesCommand({}));
  const group = async (GroupName: string) => {
    const input = { GroupName, Description: 'the contract of clouds', VpcId: vpc };
    return (await client.send(new sdk.CreateSecurityGroupCommand(input))).GroupId ?? '';
  };
  const security = {
    group: await group(`${name}-in`),
    source: await group(`${name}-from`),
    from: 20_000,
    to: 20_999,
  };
  await client.send(
    new sdk.AuthorizeSecurityGroupIngressCommand({
      GroupId: security.group,
      IpPermissions: [
        {
          IpProtocol: 'tcp',
          FromPort: security.from,
          ToPort: security.to,
          UserIdGroupPairs: [{ GroupId: security.source }],
        },
      ],
    }),
  );
  const { Instances = [] } = await client.send(
    new sdk.RunInstancesCommand({
      ...{ MinCount: 3, MaxCount: 3, ImageId: Images?.[0]?.ImageId, SubnetId: Subnets[0]?.SubnetId },
      UserData: Buffer.from(userData).toString('base64'),
    }),
  );
  const [one = '', two = '', three = ''] = Instances.map(({ InstanceId = '' }) => InstanceId);
  await until(cloud, [one, two, three], 'running');
  await client.send(new sdk.StopInstancesCommand({ InstanceIds: [three] }));
  await until(cloud, [three], 'stopped');
  await client.send(new sdk.CreateTagsCommand({ Resources: [one], Tags: [{ Key: 'Name', Value: name }] }));
  return {
    ...{ vpc, subnets: Subnets, running: [one, two] as const, stopped: three, security },
    remove: async () => {
      await client.send(new sdk.TerminateInstancesCommand({ InstanceIds: [one, two, three] }));
      await until(cloud, [one, two, three], 'terminated');
      for (const GroupId of [security.group, security.source])
        await client.send(new sdk.DeleteSecurityGroupCommand({ GroupId }));
    },
  };
}

async function until(cloud: Cloud, ids: readonly string[], wanted: string): Promise<void> {
  await poller({ clock: systemClock, random: Math.random })({
    what: `${ids.join(', ')} to be ${wanted}`,
    probe: () => cloud.instances(ids),
    until: (found): PollAnswer<void> => {
      const states = found.map(({ state }) => state);
      const all = states.length === ids.length && states.every((state) => state === wanted);
      return all ? { kind: 'done', result: undefined } : { kind: 'waiting', because: states.join(', ') };
    },
    deadline: systemClock.monotonic() + 120_000,
  });
}

/** A group with a load balancer, and one without. */
async function groups(
  client: ElasticLoadBalancingV2Client,
  { vpc, subnets }: Awaited<ReturnType<typeof instances>>,
  name: string,
) {
  const sdk = await import('@aws-sdk/client-elastic-load-balancing-v2');
  const zones = [
    ...new Map(subnets.map((subnet) => [subnet.AvailabilityZone, subnet.SubnetId ?? ''])).values(),
  ];
  const group = async (Name: string) => {
    const check = { HealthCheckPath: '/up/', HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 2 };
    const created = await client.send(
      new sdk.CreateTargetGroupCommand({
        ...{ Name, VpcId: vpc, Protocol: 'HTTP', Port: 80, ...check },
        ...{ HealthyThresholdCount: 2, UnhealthyThresholdCount: 2 },
      }),
    );
    const TargetGroupArn = created.TargetGroups?.[0]?.TargetGroupArn ?? '';
    const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '3' }];
    await client.send(new sdk.ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }));
    return TargetGroupArn;
  };
  const [balancedGroup, idle] = [await group(name), await group(`${name}-idle`)];
  const created = await client.send(new sdk.CreateLoadBalancerCommand({ Name: name, Subnets: zones }));
  const LoadBalancerArn = created.LoadBalancers?.[0]?.LoadBalancerArn ?? '';
  await client.send(
    new sdk.CreateListenerCommand({
      ...{ LoadBalancerArn, Protocol: 'HTTP', Port: 80 },
      DefaultActions: [{ Type: 'forward', TargetGroupArn: balancedGroup }],
    }),
  );
  return {
    remove: async () => {
      await client.send(new sdk.DeleteLoadBalancerCommand({ LoadBalancerArn }));
      for (const TargetGroupArn of [balancedGroup, idle])
        await client.send(new sdk.DeleteTargetGroupCommand({ TargetGroupArn }));
    },
  };
}
