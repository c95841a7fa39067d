import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as EC2 from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { waitFor } from './harness.js';
import { connection, login } from './login.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const name = `aws-${process.pid}`;
let home = '';
let env: NodeJS.ProcessEnv = {};
let ec2: EC2.EC2Client;
let sandbox: {
  readonly endpoint: string;
  readonly region: string;
  readonly vpc: string;
  readonly key: string;
  readonly bastion: { readonly address: string; readonly user: string };
  readonly machines: readonly { readonly id: string; readonly address: string; readonly container: string }[];
};

async function oneclick(...argv: readonly string[]): Promise<string> {
  const { stdout } = await exec(process.execPath, [join(root, 'bin/oneclick'), ...argv, '--name', name], {
    env: { ...process.env, XDG_STATE_HOME: home },
  });
  return stdout;
}

async function up(): Promise<void> {
  await oneclick('sandbox', 'up', '--machines', '1');
  sandbox = JSON.parse(await oneclick('sandbox', 'status', '--json'));
}

/** Runs the AWS CLI; returns its JSON output. */
async function aws(...argv: readonly string[]) {
  const words = ['--endpoint-url', sandbox.endpoint, '--output', 'json', ...argv];
  const { stdout } = await exec('aws', words, { env: { ...process.env, ...env, AWS_PAGER: '' } });
  return stdout === '' ? undefined : JSON.parse(stdout);
}

async function docker(...argv: readonly string[]): Promise<string> {
  return (await exec('docker', argv)).stdout.trim();
}

async function instance(id: string): Promise<EC2.Instance> {
  const { Reservations } = await ec2.send(new EC2.DescribeInstancesCommand({ InstanceIds: [id] }));
  const found = Reservations?.[0]?.Instances?.[0];
  if (found === undefined) throw new Error(`no instance ${id}`);
  return found;
}

const isIn = (id: string, state: EC2.InstanceStateName) =>
  waitFor(async () => (await instance(id)).State?.Name === state);

/** Starts an instance; `ssh` runs a command on it with the sandbox's key. */
async function run(input: Partial<EC2.RunInstancesCommandInput> = {}) {
  const { Images } = await ec2.send(new EC2.DescribeImagesCommand());
  const { Instances } = await ec2.send(
    new EC2.RunInstancesCommand({
      ...{ MinCount: 1, MaxCount: 1, ImageId: Images?.[0]?.ImageId, KeyName: 'sandbox' },
      ...input,
    }),
  );
  const [made] = Instances ?? [];
  const [id, address] = [made?.InstanceId ?? '', made?.PrivateIpAddress ?? ''];
  const own = await readFile(sandbox.key, 'utf8');
  const ssh = (command: string, user = 'root', key = own) => login(address, user, key, command);
  return { id, address, made, ssh };
}

const reachable = (ssh: (command: string) => Promise<string>) =>
  waitFor(() =>
    ssh('true').then(
      () => true,
      () => false,
    ),
  );

const endpointPid = async () => {
  const pids = await exec('pgrep', ['-f', `endpoint.js ${name}$`]).catch(() => ({ stdout: '' }));
  return pids.stdout.trim();
};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'oneclick-sandbox-aws-'));
  await up();
  env = Object.fromEntries(
    (await oneclick('sandbox', 'env'))
      .trim()
      .split('\n')
      .map((line) => /^export (\w+)='(.*)'$/.exec(line)?.slice(1) ?? []),
  );
  ec2 = new EC2.EC2Client({
    endpoint: env.AWS_ENDPOINT_URL ?? '',
    region: env.AWS_REGION ?? '',
    credentials: {
      accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
    },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  await oneclick('sandbox', 'down');
  await rm(home, { recursive: true, force: true });
});

describe('the AWS CLI', () => {
  test('finds its identity, the network, and the machines of the sandbox as instances', async () => {
    expect(await aws('sts', 'get-caller-identity')).toMatchObject({ Account: '000000000000' });
    const { Vpcs } = await aws('ec2', 'describe-vpcs');
    expect(Vpcs).toMatchObject([{ VpcId: sandbox.vpc, State: 'available' }]);
    const { Subnets } = await aws(
      'ec2',
      'describe-subnets',
      '--filters',
      `Name=vpc-id,Values=${sandbox.vpc}`,
    );
    expect(Subnets).toHaveLength(4);
    const { Reservations } = await aws(
      'ec2',
      'describe-instances',
      '--filters',
      'Name=tag:Name,Values=sandbox-*',
    );
    const [machine] = sandbox.machines;
    expect(Reservations.flatMap((it: EC2.Reservation) => it.Instances)).toMatchObject([
      { InstanceId: machine?.id, PrivateIpAddress: machine?.address, State: { Name: 'running' } },
    ]);
  });

  test('creates, tags and terminates an instance', async () => {
    const userData = join(home, 'user-data');
    await writeFile(
      userData,
      '#!/bin/sh\necho "by $(id -un)" >/root/ran\ndocker info >/dev/null && echo engine >>/root/ran\n',
    );
    const { KeyMaterial } = await aws(
      'ec2',
      'create-key-pair',
      '--key-name',
      'mine',
      '--key-type',
      'ed25519',
    );
    const { GroupId } = await aws(
      'ec2',
      'create-security-group',
      '--group-name',
      'web',
      '--description',
      'Web',
    );
    await aws(
      ...`ec2 authorize-security-group-ingress --protocol tcp --port 22 --cidr 0.0.0.0/0 --group-id ${GroupId}`.split(
        ' ',
      ),
    );
    const { Instances } = await aws(
      ...['ec2', 'run-instances', '--image-id', 'resolve:ssm:/aws/service/any', '--key-name', 'mine'],
      ...['--security-group-ids', GroupId, '--user-data', `file://${userData}`, '--client-token', 'once'],
      ...['--tag-specifications', 'ResourceType=instance,Tags=[{Key=Name,Value=web-1}]'],
    );
    const [{ InstanceId: id, PrivateIpAddress: address, State }] = Instances;
    expect(State.Name).toBe('pending');
    await isIn(id, 'running');
    const ssh = (command: string) => login(address, 'deploy', KeyMaterial, command);
    await reachable(ssh);
    expect(await ssh('cloud-init status --wait')).toBe('status: done');
    expect(await login(address, 'root', KeyMaterial, 'cat /root/ran; hostname')).toBe(
      `by root\nengine\nip-${address.replaceAll('.', '-')}`,
    );
    const { Output } = await aws('ec2', 'get-console-output', '--instance-id', id, '--latest');
    expect(Output).toContain(await ssh('cat /etc/ssh/ssh_host_ed25519_key.pub'));

    await aws('ec2', 'create-tags', '--resources', id, '--tags', 'Key=team,Value=shop');
    const { Tags } = await aws('ec2', 'describe-tags', '--filters', `Name=resource-id,Values=${id}`);
    expect(Tags).toMatchObject([
      { Key: 'Name', Value: 'web-1' },
      { Key: 'team', ResourceType: 'instance' },
    ]);
    await expect(aws('ec2', 'delete-security-group', '--group-id', GroupId)).rejects.toThrow(
      'DependencyViolation',
    );

    await aws('ec2', 'terminate-instances', '--instance-ids', id);
    await isIn(id, 'terminated');
    await aws('ec2', 'delete-security-group', '--group-id', GroupId);
    await aws('ec2', 'delete-key-pair', '--key-name', 'mine');
    expect(await docker('ps', '-aq', '--filter', `label=oneclick.sandbox.instance=${id}`)).toBe('');
    expect(await docker('volume', 'ls', '-q', '--filter', `label=oneclick.sandbox.instance=${id}`)).toBe('');
  });
});

test('an instance keeps its disk when it is stopped and started, and `up` does not start it', async () => {
  const { id, ssh } = await run();
  await isIn(id, 'running');
  await reachable(ssh);
  await ssh('echo kept >/root/kept');
  await ec2.send(new EC2.StopInstancesCommand({ InstanceIds: [id] }));
  await isIn(id, 'stopped');
  await up();
  expect((await instance(id)).State?.Name).toBe('stopped');
  await ec2.send(new EC2.StartInstancesCommand({ InstanceIds: [id] }));
  await isIn(id, 'running');
  await reachable(ssh);
  expect(await ssh('cat /root/kept')).toBe('kept');
  await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
  await isIn(id, 'terminated');
});

test('an instance whose container was killed is stopped', async () => {
  const { id } = await run();
  await isIn(id, 'running');
  await docker('kill', `oneclick-${name}-${id}`);
  expect((await instance(id)).State?.Name).toBe('stopped');
  await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
  await isIn(id, 'terminated');
});

test('an instance in a private subnet can be reached only through the bastion', async () => {
  const Filters = [{ Name: 'map-public-ip-on-launch', Values: ['false'] }];
  const { Subnets } = await ec2.send(new EC2.DescribeSubnetsCommand({ Filters }));
  const { id, address, made } = await run({ SubnetId: Subnets?.[0]?.SubnetId });
  expect(made?.PublicIpAddress).toBeUndefined();
  await isIn(id, 'running');
  const privateKey = await readFile(sandbox.key, 'utf8');
  const { address: host, user: username } = sandbox.bastion;
  const bastion = await connection({ host, username, privateKey });
  try {
    const ssh = (command: string) => login(address, 'deploy', privateKey, command, bastion);
    await reachable(ssh);
    expect(await ssh('hostname')).toBe(`ip-${address.replaceAll('.', '-')}`);
  } finally {
    bastion.end();
  }
  const direct = connection({ host: address, username, privateKey, readyTimeout: 2_000 });
  await expect(direct).rejects.toThrow('Timed out');
  const named = [{ Name: 'tag:Name', Values: ['bastion'] }];
  const { Reservations } = await ec2.send(new EC2.DescribeInstancesCommand({ Filters: named }));
  expect(Reservations?.[0]?.Instances).toMatchObject([
    { PrivateIpAddress: host, State: { Name: 'running' } },
  ]);
  await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
  await isIn(id, 'terminated');
});

test("the sandbox's machines can be stopped, but not terminated", async () => {
  const id = sandbox.machines[0]?.id ?? '';
  const ending = ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
  await expect(ending).rejects.toMatchObject({ name: 'OperationNotPermitted' });
  await ec2.send(new EC2.StopInstancesCommand({ InstanceIds: [id] }));
  await isIn(id, 'stopped');
  await up();
  expect((await instance(id)).State?.Name).toBe('running');
});

describe('an endpoint that was killed', () => {
  test('is restarted by `up` and keeps its state', async () => {
    const before = await run({
      ClientToken: 'kept',
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a', Value: 'b' }] }],
    });
    await isIn(before.id, 'running');
    const made = await ec2.send(
      new EC2.CreateSecurityGroupCommand({ GroupName: 'kept', Description: 'kept' }),
    );
    const known = await instance(before.id);
    process.kill(Number(await endpointPid()), 'SIGKILL');
    await waitFor(async () => (await endpointPid()) === '');
    expect(JSON.parse(await oneclick('sandbox', 'status', '--json')).up).toBe(false);
    await up();
    expect(await instance(before.id)).toEqual(known);
    expect(
      (
        await run({
          ClientToken: 'kept',
          TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a', Value: 'b' }] }],
        })
      ).id,
    ).toBe(before.id);
    const groups = await ec2.send(new EC2.DescribeSecurityGroupsCommand({ GroupIds: [made.GroupId ?? ''] }));
    expect(groups.SecurityGroups).toMatchObject([{ GroupName: 'kept' }]);
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [before.id] }));
    await isIn(before.id, 'terminated');
  });

  test('during a launch and a termination resumes both', async () => {
    const ending = await run();
    await isIn(ending.id, 'running');
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [ending.id] }));
    const starting = await run();
    process.kill(Number(await endpointPid()), 'SIGKILL');
    await waitFor(async () => (await endpointPid()) === '');
    await up();
    await isIn(ending.id, 'terminated');
    await isIn(starting.id, 'running');
    await reachable(starting.ssh);
    await ec2.send(new EC2.TerminateInstancesCommand({ InstanceIds: [starting.id] }));
    await isIn(starting.id, 'terminated');
  });
});

test('the endpoint rejects other host names, and requests without a key', async () => {
  const body = 'Action=DescribeVpcs&Version=2016-11-15';
  const unsigned = await fetch(sandbox.endpoint, { method: 'POST', body });
  expect(unsigned.status).toBe(403);
  const { stdout } = await exec('curl', ['-s', '-H', 'Host: evil.example', `${sandbox.endpoint}/sandbox`]);
  expect(stdout).toBe('unknown host');
  const ended = await fetch(`${sandbox.endpoint}/sandbox`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer x' },
  });
  expect(ended.status).toBe(403);
  const long = await fetch(sandbox.endpoint, { method: 'POST', body: 'a'.repeat(2_000_000) }).catch(
    () => undefined,
  );
  expect([413, undefined]).toContain(long?.status);
  expect(await endpointPid()).not.toBe('');
});

test('`down` stops the endpoint and removes its instances; an endpoint without a network stops by itself', async () => {
  const { id } = await run();
  await isIn(id, 'running');
  await oneclick('sandbox', 'down');
  expect(await endpointPid()).toBe('');
  const filter = ['--filter', `label=oneclick.sandbox=${name}`];
  expect(await docker('ps', '-aq', ...filter)).toBe('');
  expect(await docker('volume', 'ls', '-q', ...filter)).toBe('');

  await up();
  expect(await endpointPid()).not.toBe('');
  await docker('rm', '-f', ...(await docker('ps', '-aq', ...filter)).split('\n'));
  await docker('network', 'rm', `oneclick-${name}`);
  await waitFor(async () => (await endpointPid()) === '');
});
