import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { request } from './traffic.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const sandbox = `clients-${process.pid}`;
let home = '';
let env: NodeJS.ProcessEnv = {};
/** Path of a public key. */
let publicKey = '';

async function oneclick(...argv: readonly string[]): Promise<string> {
  const { stdout } = await exec(process.execPath, [join(root, 'bin/oneclick'), ...argv, '--name', sandbox], {
    env: { ...process.env, XDG_STATE_HOME: home },
  });
  return stdout;
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'oneclick-sandbox-clients-'));
  await oneclick('sandbox', 'up', '--machines', '1');
  const exported = [...(await oneclick('sandbox', 'env')).matchAll(/^export (\w+)='(.*)'$/gm)];
  env = { ...process.env, ...Object.fromEntries(exported.map(([, key, value]) => [key, value])) };
  await exec('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, 'key')]);
  publicKey = join(home, 'key.pub');
});

afterAll(async () => {
  await oneclick('sandbox', 'down');
  await rm(home, { recursive: true, force: true });
});

test('the AWS CLI and boto3 create, use and remove a load-balanced instance', async () => {
  const before = await remaining();
  await Promise.all([lifecycleByAws('by-aws'), lifecycleByBoto3('by-boto3')]);
  expect(before).toMatchObject({ balancers: [], targetGroups: [], containers: ['', ''] });
  expect(await remaining()).toEqual(before);
});

async function lifecycleByBoto3(name: string): Promise<void> {
  const script = join(import.meta.dirname, 'sandbox-clients.py');
  const { stdout } = await exec('python3', [script, name, publicKey], { env });
  const steps = ['key and group', 'started', 'load balancer', 'running', 'served', 'gone'];
  expect(stdout.trim().split('\n')).toEqual(steps);
}

/** Runs the AWS CLI; returns the values that `--query` selects. */
async function aws(command: string, ...more: readonly string[]): Promise<readonly string[]> {
  const words = ['--endpoint-url', env.AWS_ENDPOINT_URL ?? '', '--output', 'text', ...command.split(' ')];
  const { stdout } = await exec('aws', [...words, ...more], { env: { ...env, AWS_PAGER: '' } });
  return stdout.trim().split(/\s+/);
}

const userData = `#!/bin/sh
mkdir -p /srv/www
echo healthy >/srv/www/up
busybox httpd -p 8080 -h /srv/www
`;

/** The steps of sandbox-clients.py; the CLI's waiters poll every 15 s. */
async function lifecycleByAws(name: string): Promise<void> {
  const script = join(home, 'user-data');
  await writeFile(script, userData);
  await aws(`ec2 import-key-pair --key-name ${name} --public-key-material fileb://${publicKey}`);
  const [group] = await aws(
    `ec2 create-security-group --group-name ${name} --description Web --query GroupId`,
  );
  const rule = '--protocol tcp --port 8080 --cidr 0.0.0.0/0';
  await aws(`ec2 authorize-security-group-ingress --group-id ${group} ${rule}`);

  const [image] = await aws('ec2 describe-images --owners amazon --query Images[0].ImageId');
  const [instance] = await aws(
    `ec2 run-instances --image-id ${image} --key-name ${name} --security-group-ids ${group}`,
    ...['--user-data', `file://${script}`, '--query', 'Instances[0].InstanceId'],
    ...['--tag-specifications', `ResourceType=instance,Tags=[{Key=Name,Value=${name}}]`],
  );

  const isPublic = 'Name=map-public-ip-on-launch,Values=true';
  const subnets = await aws(`ec2 describe-subnets --filters ${isPublic} --query Subnets[].SubnetId`);
  const [balancer, address, vpc] = await aws(
    `elbv2 create-load-balancer --name ${name} --security-groups ${group} --subnets ${subnets.join(' ')}`,
    ...['--query', 'LoadBalancers[0].[LoadBalancerArn,DNSName,VpcId]'],
  );
  const checks = '--health-check-path /up --health-check-interval-seconds 5 --health-check-timeout-seconds 2';
  const [targets] = await aws(
    `elbv2 create-target-group --name ${name} --protocol HTTP --port 8080 --vpc-id ${vpc} ${checks}`,
    ...['--healthy-threshold-count', '2', '--query', 'TargetGroups[0].TargetGroupArn'],
  );
  const delay = 'Key=deregistration_delay.timeout_seconds,Value=1';
  await aws(`elbv2 modify-target-group-attributes --target-group-arn ${targets} --attributes ${delay}`);
  const [listener] = await aws(
    `elbv2 create-listener --load-balancer-arn ${balancer} --protocol HTTP --port 80`,
    ...['--default-actions', `Type=forward,TargetGroupArn=${targets}`, '--query', 'Listeners[0].ListenerArn'],
  );

  await aws(`ec2 wait instance-running --instance-ids ${instance}`);
  const target = `--target-group-arn ${targets} --targets Id=${instance}`;
  await aws(`elbv2 register-targets ${target}`);
  await aws(`elbv2 wait target-in-service ${target}`);
  expect(await request(`http://${address}/up`)).toEqual({ status: 200, text: 'healthy\n' });

  await aws(`elbv2 deregister-targets ${target}`);
  await aws(`elbv2 wait target-deregistered ${target}`);
  await aws(`ec2 terminate-instances --instance-ids ${instance}`);
  await aws(`elbv2 delete-listener --listener-arn ${listener}`);
  await aws(`elbv2 delete-load-balancer --load-balancer-arn ${balancer}`);
  await aws(`elbv2 wait load-balancers-deleted --load-balancer-arns ${balancer}`);
  await aws(`elbv2 delete-target-group --target-group-arn ${targets}`);
  await aws(`ec2 wait instance-terminated --instance-ids ${instance}`);
  await aws(`ec2 delete-security-group --group-id ${group}`);
  await aws(`ec2 delete-key-pair --key-name ${name}`);
}

/** Everything that the API and Docker list, except terminated instances. */
async function remaining() {
  const settings = {
    ...{ endpoint: env.AWS_ENDPOINT_URL ?? '', region: env.AWS_REGION ?? '' },
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
  };
  const [computers, balancing] = [
    new ec2.EC2Client(settings),
    new elb.ElasticLoadBalancingV2Client(settings),
  ];
  const { Reservations = [] } = await computers.send(new ec2.DescribeInstancesCommand({}));
  const { KeyPairs } = await computers.send(new ec2.DescribeKeyPairsCommand({}));
  const { SecurityGroups } = await computers.send(new ec2.DescribeSecurityGroupsCommand({}));
  const { LoadBalancers } = await balancing.send(new elb.DescribeLoadBalancersCommand({}));
  const { TargetGroups } = await balancing.send(new elb.DescribeTargetGroupsCommand({}));
  const containers = async (role: string) => {
    const own = [`label=oneclick.sandbox=${sandbox}`, `label=oneclick.sandbox.role=${role}`];
    return (await exec('docker', ['ps', '-aq', ...own.flatMap((it) => ['--filter', it])])).stdout;
  };
  return {
    instances: Reservations.flatMap(({ Instances = [] }) =>
      Instances.filter(({ State }) => State?.Name !== 'terminated').map(({ InstanceId }) => InstanceId),
    ),
    keys: KeyPairs?.map(({ KeyName }) => KeyName),
    groups: SecurityGroups?.map(({ GroupName }) => GroupName),
    balancers: LoadBalancers,
    targetGroups: TargetGroups,
    containers: [await containers('instance'), await containers('load-balancer')],
  };
}
