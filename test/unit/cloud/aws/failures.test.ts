import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { awsCloud } from '../../../../src/cloud/aws/aws.js';
import type { Variables } from '../../../../src/cloud/aws/settings.js';
import type { Cloud } from '../../../../src/cloud/cloud.js';
import { failureRecord } from '../../../../src/domain/failure.js';
import { ec2Error, elbError, type ScriptedReply } from '../../../fakes/aws.js';
import { InstantClock } from '../../../fakes/clock.js';
import { failure, login, setting } from './setting.js';

/** A call to each service, and its error format. */
const services = [
  {
    action: 'DescribeInstances',
    call: (cloud: Cloud) => cloud.instances(['i-1']),
    refuse: ec2Error,
    named: 'ec2:DescribeInstances',
  },
  {
    action: 'DescribeTargetHealth',
    call: (cloud: Cloud) => cloud.targets('arn:aws:web'),
    refuse: elbError,
    named: 'elasticloadbalancing:DescribeTargetHealth',
  },
];

describe.each(services)('$named', ({ action, call, refuse, named }) => {
  async function answered(instead: ScriptedReply, times = 1) {
    const world = await setting();
    world.api.replyOnce(action, instead, times);
    const failed = await failure(call(world.cloud));
    world.api.close();
    return { ...world, failed };
  }

  it.each(['UnauthorizedOperation', 'AccessDenied', 'AccessDeniedException'])(
    'names the denied action and the user for %s',
    async (code) => {
      const words = `User: arn:aws:iam::1:user/me is not authorized to perform: ${named} Encoded authorization failure message: c2VjcmV0`;
      const { failed } = await answered(refuse(code, words, 403));
      expect(failed).toMatchObject({
        kind: 'access',
        code: 'cloud.denied',
        message: `arn:aws:iam::1:user/me has no permission for ${named}`,
        hint: expect.stringContaining('oneclick iam policy'),
      });
    },
  );

  it.each([
    ['ExpiredToken', 'cloud.expired', 'aws sso login'],
    ['RequestExpired', 'cloud.expired', 'clock'],
    ['AuthFailure', 'cloud.credentials', 'aws configure'],
    ['InvalidClientTokenId', 'cloud.credentials', 'aws configure'],
    ['SignatureDoesNotMatch', 'cloud.credentials', 'aws sts get-caller-identity'],
    ['OptInRequired', 'cloud.account', 'console'],
  ])("fails at once for %s, without AWS's message", async (code, dotted, hint) => {
    const { failed, api } = await answered(refuse(code, 'x-amz-security-token:hush', 403), 9);
    expect(failed).toMatchObject({ kind: 'access', code: dotted, hint: expect.stringContaining(hint) });
    expect(JSON.stringify(failureRecord(failed))).not.toContain('hush');
    expect(api.requests).toHaveLength(1);
  });

  it.each(['Throttling', 'ThrottlingException', 'RequestLimitExceeded'])(
    'waits when AWS says %s, tells so, and goes on',
    async (code) => {
      const world = await setting();
      world.api.replyOnce(action, refuse(code, 'Rate exceeded', 503), 2);
      await failure(call(world.cloud));
      world.api.close();
      expect(world.waiting).toEqual([
        'AWS throttles calls: attempt 2 of 8 in 0.5 s',
        'AWS throttles calls: attempt 3 of 8 in 1.0 s',
      ]);
      expect(world.api.requests).toHaveLength(3);
    },
  );

  it('gives up after eight attempts with a passing failure', async () => {
    const { failed, api } = await answered(refuse('Throttling', 'Rate exceeded'), 9);
    expect(failed).toMatchObject({ kind: 'failed', code: 'cloud.throttled', transient: true });
    expect(api.requests).toHaveLength(8);
  });

  it('retries a server error, then quotes it', async () => {
    const { failed, waiting } = await answered(refuse('InternalError', 'we are sorry', 500), 9);
    expect(waiting).toHaveLength(7);
    expect(failed).toMatchObject({
      kind: 'failed',
      transient: true,
      message: `${named}: we are sorry (InternalError)`,
    });
  });

  it('quotes an unknown error in one line', async () => {
    const { failed } = await answered(
      refuse('SomethingNew', 'never\n   seen\u009b31m Encoded authorization failure message: c2VjcmV0'),
    );
    expect(failed).toMatchObject({
      kind: 'failed',
      message: `${named}: never seen 31m (SomethingNew)`,
      transient: false,
    });
  });

  it.each([
    ['a page', { status: 200, body: '<html><body>Log in</body></html>', foreign: true as const }],
    ['nothing', { status: 200, body: '', foreign: true as const }],
    ['words', { status: 200, body: 'Welcome to nginx!' }],
    ['half of an answer', { status: 200, body: `<${action}Response><` }],
    ['a page of a proxy', { status: 403, body: '<html>Forbidden</html>', foreign: true as const }],
  ])('rejects %s as not AWS', async (_, instead) => {
    const { failed, api } = await answered(instead);
    expect(failed).toMatchObject({
      kind: 'unreachable',
      code: 'cloud.nonsense',
      message: expect.stringContaining(api.endpoint),
    });
  });
});

describe('on this machine', () => {
  const cloud = (variables: Variables, attempts = 8) =>
    awsCloud({ variables, clock: new InstantClock(), random: () => 0.5, attempts });

  const home = mkdtempSync(join(tmpdir(), 'oneclick-aws-'));
  afterAll(() => rmSync(home, { recursive: true }));

  /** Hides local settings, because the SDK reads the process environment. */
  beforeEach(() => {
    writeFileSync(
      join(home, 'config'),
      '[profile old]\nsso_start_url = https://shop.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = ops\n',
    );
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, {
      HOME: home,
      AWS_CONFIG_FILE: join(home, 'config'),
      AWS_SHARED_CREDENTIALS_FILE: join(home, 'credentials'),
      AWS_EC2_METADATA_DISABLED: 'true',
    });
  });

  it('reports how to set a missing region', async () => {
    expect(
      await failure(cloud({ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }).targets('arn')),
    ).toMatchObject({
      kind: 'access',
      code: 'cloud.no-region',
      hint: expect.stringContaining('set AWS_REGION'),
    });
  });

  it('reports a misspelled region as a usage error', async () => {
    expect(await failure(cloud({ ...login, AWS_REGION: 'eu central' }).targets('arn'))).toMatchObject({
      kind: 'usage',
      code: 'cloud.region',
    });
  });

  it('reports how to get missing credentials', async () => {
    expect(await failure(cloud({ AWS_REGION: 'us-east-1' }).targets('arn'))).toMatchObject({
      kind: 'access',
      code: 'cloud.no-credentials',
      hint: expect.stringContaining('aws configure'),
    });
  });

  it('names a profile that does not exist', async () => {
    const variables = { AWS_REGION: 'us-east-1', AWS_PROFILE: 'shop' };
    expect(await failure(cloud(variables).targets('arn'))).toMatchObject({
      kind: 'access',
      code: 'cloud.no-credentials',
      message: expect.stringContaining('shop'),
      hint: expect.stringContaining('aws configure --profile shop'),
    });
  });

  it('reports how to renew an expired login', async () => {
    const variables = { AWS_REGION: 'us-east-1', AWS_PROFILE: 'old' };
    expect(await failure(cloud(variables).targets('arn'))).toMatchObject({
      kind: 'access',
      code: 'cloud.expired',
      hint: 'run: aws sso login --profile old',
    });
  });

  it('reports an invalid endpoint URL as a usage error', async () => {
    expect(await failure(cloud({ ...login, AWS_ENDPOINT_URL: 'nonsense' }).targets('arn'))).toMatchObject({
      kind: 'usage',
      code: 'cloud.endpoint',
    });
  });

  it('names an unreachable endpoint after eight attempts', async () => {
    const waiting: string[] = [];
    const gone = awsCloud({
      variables: { ...login, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
      clock: new InstantClock(),
      random: () => 0.5,
      onWaiting: (text) => waiting.push(text),
    });
    expect(await failure(gone.targets('arn'))).toMatchObject({
      kind: 'unreachable',
      code: 'cloud.unreachable',
      message: 'http://127.0.0.1:1 cannot be reached (ECONNREFUSED)',
    });
    expect(waiting).toHaveLength(7);
  });

  it('rejects another server as not AWS', async () => {
    const server = createServer((socket) => socket.on('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await failure(cloud({ ...login, AWS_ENDPOINT_URL: url }).targets('arn'))).toMatchObject({
      kind: 'unreachable',
      code: 'cloud.nonsense',
      message: `unexpected response from ${url} (not HTTP)`,
    });
    server.close();
  });

  it('shows no secret in any failure', async () => {
    const variables = {
      ...login,
      AWS_SESSION_TOKEN: 'a-token-that-nobody-may-see',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    };
    const told = JSON.stringify(failureRecord(await failure(cloud(variables, 1).targets('arn'))));
    expect(told).not.toContain(login.AWS_SECRET_ACCESS_KEY);
    expect(told).not.toContain(variables.AWS_SESSION_TOKEN);
  });
});
