import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as EC2 from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { waitFor } from './harness.js';
import { login } from './login.js';

jest.setTimeout(120_000);

const exec = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const name = `faults-${process.pid}`;
let home = '';
let sandbox: {
  readonly endpoint: string;
  readonly key: string;
  readonly profile: string;
  readonly seed: string;
};

async function oneclick(...argv: readonly string[]): Promise<string> {
  const { stdout } = await exec(process.execPath, [join(root, 'bin/oneclick'), ...argv, '--name', name], {
    env: { ...process.env, XDG_STATE_HOME: home },
  });
  return stdout;
}

const fault = async (...argv: readonly string[]): Promise<{ readonly on: readonly object[] }> =>
  JSON.parse(await oneclick('sandbox', 'fault', ...argv, '--json'));

const up = async (...argv: readonly string[]) => {
  await oneclick('sandbox', 'up', '--machines', '1', ...argv);
  sandbox = JSON.parse(await oneclick('sandbox', 'status', '--json'));
};

const keys = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };

/** An SDK client with a number of attempts. */
const client = (maxAttempts: number) =>
  new EC2.EC2Client({ endpoint: sandbox.endpoint, region: 'us-east-1', credentials: keys, maxAttempts });

/** Runs the AWS CLI, by default with one attempt; returns its standard error. */
async function aws(words: string, attempts = '1'): Promise<string> {
  const env = {
    ...{ ...process.env, AWS_PAGER: '', AWS_MAX_ATTEMPTS: attempts, AWS_DEFAULT_REGION: 'us-east-1' },
    ...{ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey },
  };
  const argv = [...words.split(' '), '--endpoint-url', sandbox.endpoint, '--output', 'json'];
  return exec('aws', argv, { env }).then(
    () => 'no error',
    ({ stderr }: { stderr: string }) => stderr,
  );
}

const input = { MinCount: 1, MaxCount: 1, ImageId: 'resolve:ssm:/aws/service/any', KeyName: 'sandbox' };
const run = (ec2: EC2.EC2Client, ClientToken?: string) =>
  ec2.send(new EC2.RunInstancesCommand({ ...input, ClientToken }));

async function instance(id: string): Promise<EC2.Instance | undefined> {
  const { Reservations } = await client(1).send(new EC2.DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations?.[0]?.Instances?.[0];
}

const isIn = (id: string, state: EC2.InstanceStateName) =>
  waitFor(async () => (await instance(id))?.State?.Name === state);

async function terminate(id: string): Promise<void> {
  await client(1).send(new EC2.TerminateInstancesCommand({ InstanceIds: [id] }));
  await isIn(id, 'terminated');
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'oneclick-sandbox-faults-'));
  await up();
});

afterEach(() => fault('--clear'));

afterAll(async () => {
  await oneclick('sandbox', 'down');
  await rm(home, { recursive: true, force: true });
});

test('the AWS CLI gets the enabled faults the given number of times', async () => {
  expect(sandbox.profile).toBe('fast');
  await fault('throttle', '--on', 'DescribeVpcs', '--times', '2');
  await fault('capacity');
  expect(await aws('ec2 describe-vpcs')).toContain('(RequestLimitExceeded)');
  expect(await aws(`ec2 run-instances --image-id ${input.ImageId}`)).toContain(
    '(InsufficientInstanceCapacity)',
  );
  expect((await fault()).on).toEqual([{ name: 'throttle', times: 1, on: 'DescribeVpcs' }]);
  expect(await aws('ec2 describe-vpcs', '3')).toBe('no error');
  expect((await fault()).on).toEqual([]);
});

test('an unknown fault is rejected with the nearest name', async () => {
  await expect(fault('capacty')).rejects.toMatchObject({
    code: 2,
    stdout: expect.stringContaining('did you mean capacity?'),
  });
});

test('the SDK recovers from a lost response, and its token prevents a second instance', async () => {
  await fault('lost-response', '--on', 'RunInstances');
  await expect(run(client(1), 'lost')).rejects.toThrow('socket hang up');
  const { Instances } = await run(client(1), 'lost');
  await fault('lost-response', '--on', 'RunInstances');
  const again = await run(client(3), 'lost');
  expect(again.Instances?.map(({ InstanceId }) => InstanceId)).toEqual([Instances?.[0]?.InstanceId]);
  expect((await fault()).on).toEqual([]);
  await terminate(Instances?.[0]?.InstanceId ?? '');
});

test('an instance that dies while pending leaves nothing behind', async () => {
  await fault('dies-pending');
  const { Instances } = await run(client(1));
  const id = Instances?.[0]?.InstanceId ?? '';
  expect((await instance(id))?.State?.Name).toBe('pending');
  await isIn(id, 'terminated');
  expect((await instance(id))?.StateReason?.Code).toBe('Server.InternalError');
  const { stdout } = await exec('docker', ['ps', '-aq', '--filter', `label=oneclick.sandbox.instance=${id}`]);
  expect(stdout).toBe('');
});

test('a restarted endpoint keeps its faults, profile and seed', async () => {
  await fault('quota', '--times', 'always');
  await up('--profile', 'realistic', '--seed', '7');
  const { stdout } = await exec('pgrep', ['-f', `endpoint.js ${name}$`]);
  process.kill(Number(stdout), 'SIGKILL');
  await waitFor(async () => JSON.parse(await oneclick('sandbox', 'status', '--json')).up === false);
  await up();
  expect(sandbox).toMatchObject({ profile: 'realistic', seed: '7' });
  expect((await fault()).on).toEqual([{ name: 'quota', times: 'always' }]);
  await expect(run(client(1))).rejects.toMatchObject({ name: 'VcpuLimitExceeded' });
  expect((await fault('--clear')).on).toEqual([]);
});

test('the realistic profile delays every step: visible, running, sshd, key, engine', async () => {
  const ec2 = client(1);
  const { Instances } = await run(ec2);
  const [{ InstanceId: id = '', PrivateIpAddress: address = '' } = {}] = Instances ?? [];
  const key = await readFile(sandbox.key, 'utf8');
  const seen: string[] = [];
  const version =
    "docker version --format '{{.Server.Version}}' >/dev/null 2>&1 && echo ready || echo no engine";
  await waitFor(async () => {
    const state = await instance(id).then(
      (found) => found?.State?.Name ?? '',
      ({ name: code }: Error) => code,
    );
    const outcome =
      state === 'running'
        ? await login(address, 'deploy', key, version).catch(({ message }: Error) => message)
        : state;
    if (!seen.includes(outcome)) seen.push(outcome);
    return outcome === 'ready';
  });
  expect(seen.filter((word) => word !== 'InvalidInstanceID.NotFound').slice(0, 2)).toEqual([
    'pending',
    expect.stringContaining('ECONNREFUSED'),
  ]);
  expect(seen).toContain('InvalidInstanceID.NotFound');
  const began = 'stat -c %Y /run/sshd.pid /root/.ssh/authorized_keys /run/docker.pid';
  const [sshd = 0, accepted = 0, engine = 0] = (await login(address, 'root', key, began))
    .split('\n')
    .map(Number);
  expect(accepted - sshd).toBeGreaterThanOrEqual(1);
  expect(engine - accepted).toBeGreaterThanOrEqual(2);
  await terminate(id);
});
